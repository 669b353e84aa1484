import EventModel
import StoreConformance
import Testing

@Suite struct `A JSON value over bytes in normal form` {
  @Test func `members, elements and values are read where they lie`() throws {
    let json = JSON(normalForm: [UInt8](#"{"a":[1,"x\n\"y\"",{"b":null}],"c":-2.5,"d":true,"e":"","é":{}}"#.utf8))
    #expect(json.kind == .object)
    #expect(json["a"]?[0]?.int == 1)
    #expect(json["a"]?[1]?.string == "x\n\"y\"")
    #expect(json["a"]?[2]?["b"]?.isNull == true)
    #expect(json["a"]?[3] == nil)
    #expect(json["a"]?[-1] == nil)
    #expect(json["c"]?.double == -2.5)
    #expect(json["c"]?.int == nil)
    #expect(json["d"]?.bool == true)
    #expect(json["e"]?.string?.isEmpty == true)
    #expect(json["é"]?.members?.isEmpty == true)
    #expect(json["nothing"] == nil)
    #expect(json["a"]?.elements?.count == 3)
    #expect(json.members?.map(\.name) == ["a", "c", "d", "e", "é"])
  }

  @Test func `literals give normal form`() {
    let json: JSON = ["z": 1, "a": [true, nil as JSON? ?? .null, "q\u{1}\u{8}/"], "m": ["é": 0.5, "e": 1e21]]
    #expect(json.description == #"{"a":[true,null,"q\u0001\b/"],"m":{"e":1e+21,"é":0.5},"z":1}"#)
  }

  @Test func `members sort by UTF-16 code units, as in the example of RFC 8785`() {
    let json: JSON = ["\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7]
    #expect(json.members?.map(\.value.int) == [2, 4, 6, 7, 1, 5, 3])
  }

  @Test func `members sort as their UTF-16 would`() {
    var random = SeededRandom(seed: testSeed())
    for _ in 0..<2000 {
      let names = (0..<4).map { _ in random.text() }
      let json = JSON(members: Set(names).map { ($0, .null) })
      let sorted = Set(names).sorted { $0.utf16.lexicographicallyPrecedes($1.utf16) }
      #expect(json.members?.map(\.name) == sorted, "seed \(random.seed)")
    }
  }

  @Test func `of two members with one name the later is taken, and one can be replaced`() {
    let json: JSON = ["a": 1, "b": 2, "a": 3]
    #expect(json == ["a": 3, "b": 2])
    #expect(json.setting("b", to: nil).setting("c", to: "x") == ["a": 3, "c": "x"])
  }

  @Test func `strings of any length are found whole, whatever they hold`() {
    var random = SeededRandom(seed: testSeed())
    for _ in 0..<5000 {
      let text = random.text()
      let json: JSON = [JSON(text), ["k": JSON(text)], 7]
      #expect(json[0]?.string == text, "seed \(random.seed)")
      #expect(json[1]?["k"]?.string == text, "seed \(random.seed)")
      #expect(json[2]?.int == 7, "seed \(random.seed)")
    }
  }

  @Test func `bytes that are no JSON give some answer, never a crash`() {
    var random = SeededRandom(seed: testSeed())
    let bytes = [UInt8](#"{"a":[1,"\u00"],"b":{"c":"\"#.utf8)
    for _ in 0..<20_000 {
      var broken = bytes.filter { _ in random.next() % 8 != 0 }
      if !broken.isEmpty { broken[Int(random.next() % UInt64(broken.count))] = UInt8(truncatingIfNeeded: random.next()) }
      let json = JSON(normalForm: broken)
      _ = (json.members?.count, json.elements?.count, json["a"]?[1]?.string, json.string, json.double, json.int, json["b"]?["c"]?.string)
      _ = try? EventDecoder().decode([String: [JSON]].self, from: json)
    }
  }
}

extension SeededRandom {
  /// Up to 20 characters, many of them awkward.
  mutating func text() -> String {
    var text = ""
    for _ in 0..<next() % 20 {
      let scalars: [Unicode.Scalar] = [
        "a", "z", "\"", "\\", "\u{0}", "\u{1f}", "\n", "\u{7f}", "é", "\u{d7ff}", "\u{e000}", "\u{fffd}", "\u{10000}", "\u{10ffff}", "/",
      ]
      text.unicodeScalars.append(scalars[Int(next() % UInt64(scalars.count))])
    }
    return text
  }
}
