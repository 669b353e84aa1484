import EventModel
import Testing

@Suite struct `Events as clients send them` {
  private struct Parsed {
    var event: ParsedEvent
    var body: String
    var copied: Bool
  }

  private func parse(_ text: String, depthMax: Int = 64, eventBytesMax: Int = 1 << 20) throws(EventError) -> Parsed {
    var parser = EventParser(depthMax: depthMax, eventBytesMax: eventBytesMax)
    var output: [UInt8] = [1, 2, 3]
    let bytes = [UInt8](text.utf8)
    let event = try parser.parseEvent(bytes.raw, in: 0..<bytes.count, into: &output)
    let body = [UInt8](copying: event.body(input: bytes.raw, output: output.raw))
    return Parsed(event: event, body: String(decoding: body, as: UTF8.self), copied: output.count > 3)
  }

  private func documentError(_ text: String, countMax: Int = 10) -> EventError? {
    var parser = EventParser()
    var output: [UInt8] = [1]
    var events = [ParsedEvent(body: .input(0..<0))]
    defer { #expect(output == [1] && events.count == 1) }
    do throws(EventError) {
      try parser.parseDocument([UInt8](text.utf8).raw, into: &output, events: &events, countMax: countMax)
      return nil
    } catch { return error }
  }

  private let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV", other = "01BX5ZZKBKACTAV9WEVGEMMVRY"

  @Test(arguments: ["{}", #"{"a":1,"b":{"_id":[1.5,"é"]}}"#, #"{"_voids":["01ARZ3NDEKTSV4RRFFQ69G5FAV"],"a":1}"#, #"{"_voids":[]}"#])
  func `a body that is normal already is not copied`(text: String) throws {
    let parsed = try parse(text)
    #expect(!parsed.copied && parsed.event.body == .input(0..<text.utf8.count) && parsed.body == text)
    let spaced = try parse("\n \(text)\r\n")
    #expect(!spaced.copied && spaced.event.body == .input(2..<2 + text.utf8.count) && spaced.body == text)
  }

  @Test func `the envelope is read and taken off`() throws {
    let parsed = try parse(
      #"{"b":1.0,"_id":"\#(id.lowercased())","_seq":[{}],"_origin":null,"_hlc":"x","_voided_by":0,"a":{"_at":1},"_at":"2016-07-31T01:54:10.2599+02:00"}"#
    )
    #expect(parsed.event.id == ULID(id))
    #expect(parsed.event.at?.description == "2016-07-30T23:54:10.259Z")
    #expect(parsed.event.key == nil && parsed.event.voids.isEmpty)
    #expect(parsed.body == #"{"a":{"_at":1},"b":1}"#)
    #expect(try parse(#"{"_id":"\#(id)"}"#).body == "{}")
    #expect(try parse(#"{"\u005fid":"\u0030\#(id.dropFirst())","A":0,"z":1}"#).event.id == ULID(id))
  }

  @Test func `a UUID of version 7 is an id`() throws {
    let parsed = try parse(#"{"_id":"017F22E2-79B0-7CC3-98C4-DC0C0C07398F","_at":"2022-02-22T19:22:22.000Z"}"#)
    #expect(parsed.event.id?.value == 0x017F_22E2_79B0_7CC3_98C4_DC0C_0C07_398F)
  }

  @Test func `an external key is its UTF-8`() throws {
    let parsed = try parse(#"{"_key":"a\u0000\n\ud83d\ude00é","_at":"2022-02-22T19:22:22Z"}"#)
    #expect(parsed.event.key == [UInt8]("a\0\n😀é".utf8) && parsed.body == "{}")
    let longest = String(repeating: "é", count: 256)
    #expect(try parse(#"{"_key":"\#(longest)","_at":"2022-02-22T19:22:22Z"}"#).event.key?.count == 512)
    #expect(throws: EventError.self) { try parse(#"{"_key":"x\#(longest)","_at":"2022-02-22T19:22:22Z"}"#) }
  }

  @Test func `voids become an array of upper-case ULIDs, sorted and without repeats`() throws {
    let (a, b) = (id, other)
    for text in [
      #"{"x":0,"_voids":["\#(b)","\#(a)"]}"#, #"{"_voids":["\#(a)","\#(b)"],"x":0}"#,
      #"{"x":0,"_voids":[ "\#(a.lowercased())","\#(b)","\#(b.lowercased())","\#(a)"]}"#,
      #"{"x":0,"_voids":["\u0030\#(a.dropFirst())","\#(b)"]}"#,
    ] {
      let parsed = try parse(text)
      #expect(parsed.event.voids == [ULID(a), ULID(b)])
      #expect(parsed.body == #"{"_voids":["\#(a)","\#(b)"],"x":0}"#)
    }
    let one = try parse(#"{"_voids":"\#(a)"}"#)
    #expect(one.event.voids == [ULID(a)] && one.body == #"{"_voids":["\#(a)"]}"#)
    #expect(try parse(#"{"_voids":[ ]}"#).body == #"{"_voids":[]}"#)
    let many = (0..<1001).map { "\"" + ULID(value: UInt128($0)).description + "\"" }
    #expect(try parse(#"{"_voids":[\#(many[1...].joined(separator: ","))]}"#).event.voids.count == 1000)
    #expect(throws: EventError.self) { try parse(#"{"_voids":[\#(many.joined(separator: ","))]}"#) }
  }

  @Test(arguments: [
    (#"{"a":0,"_x":1}"#, "/_x", 7), (#"{"_":1}"#, "/_", 1), (#"{"_a/~b":1}"#, "/_a~1~0b", 1), (#"{"_voided_bx":1}"#, "/_voided_bx", 1),
    (#"{"_ID":1}"#, "/_ID", 1),
    (#"{"_id":1}"#, "/_id", 1), (#"{"_id":null}"#, "/_id", 1), (#"{"_id":"01ARZ3NDEKTSV4RRFFQ69G5FA"}"#, "/_id", 1),
    (#"{"_id":["01ARZ3NDEKTSV4RRFFQ69G5FAV"]}"#, "/_id", 1),
    (#"{"_id":"017F22E2-79B0-4CC3-98C4-DC0C0C07398F"}"#, "/_id", 1), (#"{"_at":"2026-03-01"}"#, "/_at", 1), (#"{"_at":1.0}"#, "/_at", 1),
    (#"{"_at":{}}"#, "/_at", 1),
    (#"{"_at":"2016-07-30T23:54:10.260Z","_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}"#, "/_at", 1), (#"{"_key":"a"}"#, "/_key", 1),
    (#"{"_key":7,"_at":"2026-03-01T00:00:00Z"}"#, "/_key", 1),
    (#"{"_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","_key":"a","_at":"2016-07-30T23:54:10.259Z"}"#, "/_key", 36),
    (#"{"_voids":null}"#, "/_voids", 1), (#"{"_voids":{}}"#, "/_voids", 1),
    (#"{"_voids":"x"}"#, "/_voids", 1), (#"{"_voids":["01ARZ3NDEKTSV4RRFFQ69G5FAV",7]}"#, "/_voids/1", 1),
    (#"{"_voids":[["01ARZ3NDEKTSV4RRFFQ69G5FAV"]]}"#, "/_voids/0", 1),
    (#"{"_voids":["01ARZ3NDEKTSV4RRFFQ69G5FAVX"]}"#, "/_voids/0", 1),
    (#"{"_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","_voids":["01arz3ndektsv4rrffq69g5fav"]}"#, "/_voids", 36),
    ("[]", "", 0), (" 7", "", 1), ("\"{}\"", "", 0), ("null", "", 0),
  ])
  func `a wrong envelope is refused with its place`(text: String, pointer: String, offset: Int) {
    do throws(EventError) {
      _ = try parse(text)
      Issue.record("accepted")
    } catch {
      #expect(error.kind == .badEvent && error.pointer == pointer && error.offset == offset && error.index == nil, "\(error)")
    }
  }

  @Test(arguments: [
    ("", 0), ("  ", 2), ("{", 1), ("{} {}", 3), (#"{"_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","_x":0,"_id":1}"#, 43), ("\u{FEFF}{}", 0), ("[1", 2),
    ("7 x", 2), (#"{"_x":0},"#, 8),
    (#"{"_id":7,"a":[1,]}"#, 16),
    (#"{"a":{"a":{"a":{}}}}"#, 15),
  ])
  func `what is no JSON is refused as such, whatever its envelope`(text: String, offset: Int) {
    do throws(EventError) {
      _ = try parse(text, depthMax: 3)
      Issue.record("accepted")
    } catch { #expect(error.kind == .notJSON && error.pointer == nil && error.offset == offset, "\(error)") }
  }

  @Test func `an event is read where it is, and nothing around it`() throws {
    let text = [UInt8]("{\"x\":1}\n {\"b\":2,\"a\":1} \nnonsense".utf8)
    var parser = EventParser()
    var output: [UInt8] = []
    let event = try parser.parseEvent(text.raw, in: 8..<24, into: &output)
    #expect(event.body == .output(0..<13) && output == [UInt8](#"{"a":1,"b":2}"#.utf8))
    #expect(throws: EventError(.notJSON, offset: 24, detail: "something follows the value")) {
      try parser.parseEvent(text.raw, in: 8..<26, into: &output)
    }
    #expect(throws: EventError(.notJSON, offset: 15, detail: "the text ends in the middle of a value")) {
      try parser.parseEvent(text.raw, in: 8..<15, into: &output)
    }
    #expect(output.count == 13)
  }

  @Test func `an event and its body have a limit`() throws {
    let longest = #"{"a":"12345"}"#
    #expect(try parse(longest, eventBytesMax: 13).body == longest)
    #expect(try parse("  \(longest)  ", eventBytesMax: 13).body == longest)
    for text in [#"{"a":"123456"}"#, #"{"a":"12345" }"#, #"{"a":1e20}"#, #"{"a":[1,2,3,4,5,6,7,"#] {
      do throws(EventError) {
        _ = try parse(text, eventBytesMax: 13)
        Issue.record("accepted \(text)")
      } catch { #expect(error.kind == .tooLarge && error.offset == 0, "\(error)") }
    }
  }

  @Test func `a document is an event or an array of events`() throws {
    var parser = EventParser()
    var output: [UInt8] = []
    var events: [ParsedEvent] = []
    func parse(_ text: String, countMax: Int = 3) throws -> EventParser.Document {
      try parser.parseDocument([UInt8](text.utf8).raw, into: &output, events: &events, countMax: countMax)
    }
    #expect(try parse(" {\"a\":1} ") == .object)
    #expect(try parse(" [ ] ", countMax: 0) == .array)
    #expect(events.count == 1)
    #expect(try parse(#"[{"a":1},{"b": 2} , {}]"#) == .array)
    #expect(events.map(\.body) == [.input(1..<8), .input(1..<8), .output(0..<7), .input(20..<22)])
    #expect(output == [UInt8](#"{"b":2}"#.utf8))
  }

  @Test func `an error in a document names the event`() {
    #expect(documentError("") == EventError(.notJSON, offset: 0, detail: "there is no value"))
    #expect(documentError("[{},{},{}]", countMax: 2) == EventError(.tooMany, index: 2, offset: 7, detail: "more than 2 events"))
    #expect(
      documentError("[{},{\"a\":1.0},{\"_x\":0}]")
        == EventError(.badEvent, index: 2, offset: 15, pointer: "/_x", detail: "there is no such envelope member"))
    #expect(documentError("[{},7]") == EventError(.badEvent, index: 1, offset: 4, pointer: "", detail: "an event is an object"))
    #expect(documentError("7") == EventError(.badEvent, offset: 0, pointer: "", detail: "an event is an object"))
    #expect(documentError("[{},{]") == EventError(.notJSON, index: 1, offset: 5, detail: "this byte can't stand here"))
    for (text, offset) in [("[{} {}]", 4), ("[{},]", 4), ("[,{}]", 1), ("[{}", 3), ("[{},", 4), ("[", 1), ("[{}]]", 4), ("[{}]{}", 4)] {
      let error = documentError(text)
      #expect(error?.kind == .notJSON && error?.offset == offset, "\(text): \(error.map(String.init(describing:)) ?? "accepted")")
    }
  }

  @Test func `many members are sorted as few are`() throws {
    for count in [1, 2, 23, 24, 25, 26, 100, 5000] {
      let names = (0..<count).map { "m\($0 * 7919 % count)" }
      let text = "{" + names.map { "\"\($0)\":0" }.joined(separator: ",") + "}"
      #expect(
        try parse(text).body == "{"
          + names.sorted { Array($0.utf16).lexicographicallyPrecedes(Array($1.utf16)) }.map { "\"\($0)\":0" }.joined(separator: ",") + "}")
      do throws(EventError) {
        _ = try parse(text.dropLast() + ",\"m0\":1}")
        Issue.record("accepted")
      } catch { #expect(error.kind == .notJSON && error.offset == text.utf8.count, "\(error)") }
    }
  }
}
