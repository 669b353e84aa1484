import Foundation

/// `ViewsBenchmark [folder] [events, as 10000,100000] [groups, as 1,100000]`: what a view costs at each size, spread over one or many groups,
/// through the library's own calls. Prints a table; the floor of a rebuild, a cursor in C over the same records, is from the same file.
@main struct App {
  static func main() async throws {
    let arguments = CommandLine.arguments
    let root = arguments.count > 1 ? arguments[1] : NSTemporaryDirectory()
    let sizes = numbers(arguments.dropFirst(2).first) ?? [10_000, 100_000, 1_000_000]
    let groups = numbers(arguments.dropFirst(3).first) ?? [1, 10_000, 100_000]
    let base = URL(filePath: root).appending(path: "laterbase-views-\(ProcessInfo.processInfo.processIdentifier)")
    defer { try? FileManager.default.removeItem(at: base) }
    print(Row.head)
    for size in sizes {
      for groups in groups where groups <= size {
        let folder = base.appending(path: "\(size)-\(groups)")
        try await print(Measurement(folder.path, events: size, groups: groups).run().line)
        try FileManager.default.removeItem(at: folder)
      }
    }
    // A view of a million is built for long enough.
    guard let size = sizes.last.map({ min($0, 1_000_000) }) else { return }
    print("\n| durable appends, one after the other | p50, µs | p99, µs | a second |\n| --- | ---: | ---: | ---: |")
    try await Contention(base.appending(path: "appends").path, events: size, groups: 10_000).run()
  }

  private static func numbers(_ text: String?) -> [Int]? { text.map { $0.split(separator: ",").compactMap { Int($0) }.filter { $0 > 0 } } }
}

/// Durations of one kind of work.
struct Samples: Sendable {
  private(set) var microseconds: [Double] = []

  mutating func add(_ took: Duration) { microseconds.append(took / .microseconds(1)) }

  /// The least that is not below this part of the samples.
  func quantile(_ part: Double) -> Double {
    let sorted = microseconds.sorted()
    return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
  }

  var cells: String { "\(Int(quantile(0.5).rounded())) | \(Int(quantile(0.99).rounded()))" }
}

func timed<R>(_ body: () async throws -> R) async rethrows -> (result: R, took: Duration) {
  let began = ContinuousClock.now
  let result = try await body()
  return (result, ContinuousClock.now - began)
}
