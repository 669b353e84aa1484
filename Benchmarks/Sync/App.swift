import AsyncHTTPClient
import EventModel
import Foundation
import HTTPService
import Laterbase
import NIOCore
import ViewKit

/// A server that is full, as its own process, and a node in this one that lacks all of it, or all but a hundred events; then two servers that
/// write to each other. The floor of the first is the same bytes copied over loopback into a file that is flushed.
@main struct SyncBenchmark {
  static let database = "bench"

  static func main() async throws {
    let arguments = CommandLine.arguments
    if arguments.count > 3, arguments[1] == "--serve" {
      return try await ServerProcess.serve(data: arguments[2], port: Int(arguments[3]) ?? 0, peers: Array(arguments.dropFirst(4)))
    }
    // Usage: SyncBenchmark [folder on the disk to be measured] [events,events…]
    let root = URL(filePath: arguments.count > 1 ? arguments[1] : FileManager.default.temporaryDirectory.path)
    let folder = root.appending(path: "laterbase-sync-\(getpid())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let sizes = arguments.count > 2 ? arguments[2].split(separator: ",").compactMap { Int($0) } : [200_000, 1_000_000]
    print(
      "| events | sync, events/s | MB/s | copy over loopback, MB/s | sync / copy | 100 more, ms | bytes there | bytes back | requests |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for size in sizes { try await level(size, folder.appending(path: "\(size)")) }
    let lag = try await Lag.measure(folder.appending(path: "lag"))
    print("\n| two servers, batches of 100 to each by one client | |\n| --- | ---: |")
    print("| events/s recorded, both together | \(lag.eventsASecond) |")
    for (name, part) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("greatest", 1)] {
      print("| from the acknowledgement at one to the feed of the other, \(name), ms | \(format(lag.milliseconds(part))) |")
    }
  }

  /// Levels an empty node with a full server, three times; then one that lacks 100 events.
  static func level(_ events: Int, _ folder: URL) async throws {
    let (full, copy) = (folder.appending(path: "full"), folder.appending(path: "copy"))
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try await fill(events, full)
    let server = try await ServerProcess(data: full.path)
    defer { server.stop() }
    var times: [Duration] = []
    for _ in 0..<3 {
      try? FileManager.default.removeItem(at: copy)
      times.append(try await pull(from: server.url, into: copy, expecting: events))
    }
    try await server.post("/db/\(database)/e", event(0, count: 100))
    let wire = try await Wire(to: server.port)
    let late = try await pull(from: wire.url, into: copy, expecting: 100)
    try await wire.close()
    // What an exchange carries of each record: its frame, and the record as stored.
    let bytes = events * (21 + 80 + 256)
    let copied = try LoopbackCopy.run(bytes: bytes, into: folder.appending(path: "raw").path)
    let time = times.sorted()[1].seconds
    let (rate, floor) = (Double(bytes) / 1e6 / time, Double(bytes) / 1e6 / copied.seconds)
    print(
      "| \(events) | \(Int(Double(events) / time)) | \(Int(rate)) | \(Int(floor)) | \(format(rate / floor)) | \(format(late.seconds * 1000)) "
        + "| \(wire.sent) | \(wire.received) | \(wire.requests) |")
  }

  /// The time until a node in a folder holds what a server does, on disk.
  static func pull(from url: String, into folder: URL, expecting records: Int) async throws -> Duration {
    let node = try LaterbaseNode([], storage: .lmdb(folder: folder.path))
    defer { node.close() }
    let peer = HTTPPeer(url)
    let start = ContinuousClock.now
    let (pulled, pushed) = try await node.sync(database, with: peer)
    precondition(pulled == records && pushed == 0, "\(pulled) records came, \(pushed) went")
    return ContinuousClock.now - start
  }

  static func fill(_ events: Int, _ data: URL) async throws {
    let node = try LaterbaseNode([], storage: .lmdb(folder: data.path))
    defer { node.close() }
    let bench = node[Database(database)]
    for start in stride(from: 0, to: events, by: 5000) {
      try await bench.append((start..<min(start + 5000, events)).map { try JSON(parsing: Array(event($0).utf8)) })
    }
  }

  private static let filler = String(repeating: "abcdefghijklmnopqrstuvwxyz012345", count: 8)

  /// An event of 256 bytes.
  static func event(_ number: Int) -> String {
    let head = #"{"location":"HAM","shipment":"SHP-\#(number % 10_000)","type":"scan","weightKg":\#(number % 1000).5,"zz":""#
    return head + filler.prefix(254 - head.utf8.count) + "\"}"
  }

  static func event(_ number: Int, count: Int) -> String { "[" + (0..<count).map { event(number + $0) }.joined(separator: ",") + "]" }

  static func format(_ value: Double) -> String { String(format: value < 10 ? "%.2f" : "%.0f", value) }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
