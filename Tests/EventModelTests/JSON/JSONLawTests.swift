import EventModel
import Testing

@Suite struct `Laws of the normal form` {
  @Test(arguments: [UInt64](1...8))
  func `all spellings of a value give the bytes that the reference gives, and those are not copied`(seed: UInt64) throws {
    var random = JSONRandom(seed: seed)
    for round in 0..<800 {
      let value = JSONSamples.value(&random)
      let expected = value.normalForm
      let at = Comment("seed \(seed), round \(round)")
      #expect(try JSONNormalForm.normalise(expected.raw) == nil, at)
      for _ in 0..<3 {
        let text = JSONSamples.text(of: value, &random)
        try #expect(normalForm([UInt8](text.utf8)) == expected, at)
      }
    }
  }

  @Test(arguments: [UInt64](100...103))
  func `one parser gives each event's body as if it were its first`(seed: UInt64) throws {
    var random = JSONRandom(seed: seed)
    var parser = EventParser()
    var output: [UInt8] = []
    for round in 0..<1500 {
      let value = JSONSamples.object(&random)
      let text = [UInt8](JSONSamples.text(of: value, &random).utf8)
      let event = try parser.parseEvent(text.raw, in: 0..<text.count, into: &output)
      #expect([UInt8](copying: event.body(input: text.raw, output: output.raw)) == value.normalForm, "seed \(seed), round \(round)")
      if random.chance(20) { output.removeAll() }
    }
  }

  @Test(arguments: [UInt64](200...203))
  func `what is refused and what is accepted is what the reference refuses and accepts`(seed: UInt64) throws {
    var random = JSONRandom(seed: seed)
    for round in 0..<6000 {
      var text = [UInt8](JSONSamples.text(of: JSONSamples.value(&random, depth: 3), &random).utf8)
      for _ in 0...random.below(3) { mutate(&text, &random) }
      let ours = try? normalForm(text)
      #expect(ours == (try? ReferenceJSON(text))?.normalForm, "seed \(seed), round \(round): \(String(decoding: text, as: UTF8.self))")
      if let ours { #expect(try JSONNormalForm.normalise(ours.raw) == nil, "seed \(seed), round \(round)") }
    }
  }

  private func mutate(_ text: inout [UInt8], _ random: inout JSONRandom) {
    let hot = [UInt8](#"{}[]":,\\ue+-.0159_/ tfn"#.utf8) + [0, 0x1F, 0x7F, 0x80, 0xBF, 0xC2, 0xE0, 0xED, 0xF0, 0xF4, 0xFF]
    let at = random.below(text.count + 1)
    switch random.below(4) {
    case 0: text.insert(hot[random.below(hot.count)], at: at)
    case 1: if at < text.count { text[at] = random.chance(50) ? hot[random.below(hot.count)] : UInt8(random.below(256)) }
    case 2: if at < text.count { text.remove(at: at) }
    default: text.removeSubrange(at..<min(text.count, at + random.below(9)))
    }
  }

  @Test(arguments: [UInt64](300...303))
  func `no bytes stop the event parser`(seed: UInt64) {
    var random = JSONRandom(seed: seed)
    var parser = EventParser(depthMax: 8, eventBytesMax: 4096)
    let seeds = [
      #"{"_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","_at":"2016-07-30T23:54:10.259Z","b":1,"a":[1.50,"\u0041"]}"#,
      #"[{"_key":"k\u0000é","_at":"2026-03-01T12:00:00Z","x":{"y":{}}},{"_voids":["01ARZ3NDEKTSV4RRFFQ69G5FAV"]}]"#,
      #" [ {"_voids" : "01arz3ndektsv4rrffq69g5fav", "_seq" : null } , { } ] "#,
    ]
    for _ in 0..<25_000 {
      var text = [UInt8](seeds[random.below(seeds.count)].utf8)
      for _ in 0...random.below(4) { mutate(&text, &random) }
      var output: [UInt8] = []
      var events: [ParsedEvent] = []
      do throws(EventError) {
        try parser.parseDocument(text.raw, into: &output, events: &events, countMax: 3)
        for event in events {
          let body = [UInt8](copying: event.body(input: text.raw, output: output.raw))
          #expect((try? ReferenceJSON(body))?.normalForm == body, "seed \(seed): \(String(decoding: text, as: UTF8.self))")
        }
      } catch {
        #expect(error.offset <= text.count && events.isEmpty && output.isEmpty)
      }
    }
  }
}
