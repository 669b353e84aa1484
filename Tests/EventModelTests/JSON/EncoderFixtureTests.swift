import EventModel
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct `Events re-encoded by other languages` {
  private func lines(_ name: String) throws -> [[UInt8]] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
    let bytes = [UInt8](try Data(contentsOf: root.appending(path: "Fixtures/events/encoders/\(name).ndjson")))
    return bytes.split(separator: UInt8(ascii: "\n")).map { [UInt8]($0) }
  }

  @Test(arguments: ["javascript", "python", "python-utf8", "swift"])
  func `have the normal form, and so the digest, of the first`(encoder: String) throws {
    let expected = try lines("normal")
    let encoded = try lines(encoder)
    #expect(encoded.count == 8 && expected.count == 8)
    var parser = EventParser()
    for (line, normal) in zip(encoded, expected) {
      var output: [UInt8] = []
      let event = try parser.parseEvent(line.raw, in: 0..<line.count, into: &output)
      let body = [UInt8](copying: event.body(input: line.raw, output: output.raw))
      #expect(String(decoding: body, as: UTF8.self) == String(decoding: normal, as: UTF8.self))
      #expect(Digest.sha256(body.raw) == Digest.sha256(normal.raw))
    }
  }

  @Test func `are not copied where they are in normal form`() throws {
    for normal in try lines("normal") { #expect(try JSONNormalForm.normalise(normal.raw) == nil) }
  }
}
