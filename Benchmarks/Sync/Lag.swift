import AsyncHTTPClient
import EventModel
import Foundation
import NIOCore
import Synchronization

/// How far two servers that follow each other are apart while both are written to as fast as they take it.
struct Lag {
  static let seconds = 5.0
  var eventsASecond = 0
  private var all: [Double] = []

  func milliseconds(_ part: Double) -> Double { all.isEmpty ? .nan : all[min(all.count - 1, Int(Double(all.count) * part))] }

  static func measure(_ folder: URL) async throws -> Lag {
    let ports = [27_211, 27_212]
    var servers: [ServerProcess] = []
    defer { for server in servers { server.stop() } }
    for (port, other) in [(ports[0], ports[1]), (ports[1], ports[0])] {
      let data = folder.appending(path: "\(port)").path
      servers.append(try await ServerProcess(data: data, port: port, peer: "http://127.0.0.1:\(other)"))
    }
    let path = "/db/\(SyncBenchmark.database)/e"
    for server in servers { try await server.post(path, #"{"type":"first"}"#) }
    let counts = Counts()
    let end = ContinuousClock.now + .seconds(seconds)
    try await withThrowingTaskGroup { [servers] group in
      for server in servers {
        group.addTask {
          var number = 0
          while ContinuousClock.now < end {
            try await server.post(path, SyncBenchmark.event(number, count: 100))
            number += 100
            counts.add(events: 100)
          }
        }
      }
      let feed = Task { try await follow(servers[1], counts) }
      // Marks that are timed: sent at one, seen in the feed of the other.
      var mark = 0
      while ContinuousClock.now < end {
        try await servers[0].post(path, #"{"mark":\#(mark),"type":"mark"}"#)
        counts.sent(mark)
        mark += 1
        try await Task.sleep(for: .milliseconds(20))
      }
      try await group.waitForAll()
      let deadline = ContinuousClock.now + .seconds(60)
      while counts.lags.count < mark, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(10)) }
      feed.cancel()
    }
    return Lag(eventsASecond: Int(Double(counts.events) / seconds), all: counts.lags.sorted())
  }

  private static func follow(_ server: ServerProcess, _ counts: Counts) async throws {
    let request = HTTPClientRequest(url: "\(server.url)/db/\(SyncBenchmark.database)/e?feed=continuous&type=mark")
    let answer = try await HTTPClient.shared.execute(request, deadline: .distantFuture)
    var rest: [UInt8] = []
    for try await chunk in answer.body {
      rest += chunk.readableBytesView
      guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { continue }
      for line in rest[..<end].split(separator: UInt8(ascii: "\n")) {
        if let mark = JSON(normalForm: Array(line))["mark"]?.int { counts.seen(mark) }
      }
      rest.removeSubrange(...end)
    }
  }

  /// What was sent and seen. The mutex owns it.
  private final class Counts: Sendable {
    private struct State {
      var events = 0
      var sent: [Int: ContinuousClock.Instant] = [:]
      var seen: [Int: ContinuousClock.Instant] = [:]
      var lags: [Double] = []

      /// A mark may be seen before its client has read that it was recorded.
      mutating func note(_ mark: Int, sent: ContinuousClock.Instant? = nil, seen: ContinuousClock.Instant? = nil) {
        if let sent { self.sent[mark] = sent }
        if let seen { self.seen[mark] = seen }
        guard let from = self.sent[mark], let to = self.seen[mark] else { return }
        lags.append(max(0, (to - from).seconds * 1000))
      }
    }

    private let state = Mutex(State())
    var events: Int { state.withLock { $0.events } }
    var lags: [Double] { state.withLock { $0.lags } }
    func add(events count: Int) { state.withLock { $0.events += count } }

    func sent(_ mark: Int) {
      let now = ContinuousClock.now
      state.withLock { $0.note(mark, sent: now) }
    }

    func seen(_ mark: Int) {
      let now = ContinuousClock.now
      state.withLock { $0.note(mark, seen: now) }
    }
  }
}
