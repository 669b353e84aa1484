import EventModel
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct `Inputs that the fuzzer found to differ` {
  private func inputs() throws -> [[UInt8]] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
    let text = String(decoding: try Data(contentsOf: root.appending(path: "Fixtures/events/fuzzed.hex")), as: UTF8.self)
    return text.split(separator: "\n").map { line in
      let digits = line.utf8.map { UInt8(truncatingIfNeeded: Int(String(UnicodeScalar($0)), radix: 16) ?? 0) }
      return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
  }

  @Test func `are read as the reference reads them, as values and as events`() throws {
    let inputs = try inputs()
    #expect(inputs.count > 300)
    var parser = EventParser()
    var accepted = 0
    for input in inputs {
      let normal = try? normalForm(input)
      #expect(normal == (try? ReferenceJSON(input).normalForm), "\(input)")
      var output: [UInt8] = []
      do throws(EventError) {
        let event = try parser.parseEvent(input.raw, in: 0..<input.count, into: &output)
        let body = [UInt8](copying: event.body(input: input.raw, output: output.raw))
        #expect((try? ReferenceJSON(body))?.normalForm == body, "\(input)")
        accepted += 1
      } catch {
        #expect((error.kind == .notJSON) == (normal == nil), "\(input): \(error)")
      }
    }
    #expect(accepted > 20)
  }
}
