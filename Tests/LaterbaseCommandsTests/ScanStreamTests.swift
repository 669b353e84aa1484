import EventModel
import Testing

@testable import LaterbaseCommands

@Suite struct ScanStreamTests {
  private let stream = ScanStream()

  @Test func `It is some ten thousand scans over thirty days, one of ten late`() {
    let all = stream.scans + stream.lateBatch
    #expect((9_500...10_500).contains(all.count), "\(all.count)")
    let end = ScanStream.start.adding(milliseconds: Int64(ScanStream.days) * 86_400_000)
    #expect(all.allSatisfy { $0.happened >= ScanStream.start && $0.happened < end })
    let late = stream.scans.filter(\.isLate)
    let share = Double(late.count) / Double(stream.scans.count)
    #expect((0.08...0.12).contains(share), "\(share)")
    #expect(late.contains { $0.arrived.milliseconds - $0.happened.milliseconds >= 86_400_000 })
    #expect(!stream.lateBatch.isEmpty)
  }

  @Test func `The same seed gives the same stream, another seed another`() {
    #expect(ScanStream(seed: 1).scans.map(\.line) == ScanStream(seed: 1).scans.map(\.line))
    #expect(ScanStream(seed: 1).scans.map(\.line) != ScanStream(seed: 2).scans.map(\.line))
  }

  @Test func `It comes in order of arrival, which is not the order of happening`() {
    let scans = stream.scans
    #expect(zip(scans, scans.dropFirst()).allSatisfy { $0.arrived <= $1.arrived })
    #expect(zip(scans, scans.dropFirst()).contains { $0.happened > $1.happened })
  }

  @Test func `Each line is an event with a time and a key of its own`() throws {
    let all = stream.scans + stream.lateBatch
    #expect(Set(all.map(\.key)).count == all.count)
    for scan in all.prefix(500) {
      let event = try #require(JSON.reading(Array(scan.line.utf8)))
      #expect(event["_at"]?.string == scan.happened.description)
      #expect(event["_key"]?.string == scan.key)
      #expect(event["location"]?.string == scan.location)
      #expect(event["weightKg"]?.double == scan.weightQuarters.map { Double($0) / 4 })
    }
  }

  @Test func `The demo's check sees a missing, a wrong and a superfluous row`() {
    let expected = ExpectedViews(stream.scans)
    let weights = expected.weights.map { (key: JSON($0.key), value: Self.row($0.value)) }
    let last = expected.last.map { (key: JSON($0.key), value: Self.row($0.value)) }
    #expect(expected.differences(weights: weights, last: last).isEmpty)
    #expect(!expected.differences(weights: Array(weights.dropFirst()), last: last).isEmpty)
    #expect(!expected.differences(weights: weights, last: last + [last[0]]).isEmpty)
    var wrong = last
    wrong[0].value = wrong[0].value.setting("location", to: "nowhere")
    #expect(expected.differences(weights: weights, last: wrong).count == 1)
    wrong = weights
    wrong[0].value = wrong[0].value.setting("sum", to: 0)
    #expect(expected.differences(weights: wrong, last: last).count == 1)
  }

  private static func row(_ weights: ExpectedViews.Weights) -> JSON {
    ["count": JSON(weights.count), "sum": JSON(weights.sum) ?? .null, "min": JSON(weights.min) ?? .null, "max": JSON(weights.max) ?? .null]
  }

  private static func row(_ scan: ScanStream.Scan) -> JSON {
    ["location": JSON(scan.location), "_at": JSON(scan.happened.description)]
  }
}
