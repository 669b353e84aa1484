import Foundation
import Hummingbird
import NIOCore

/// A server of ours, as its own process, under load over loopback; beside Hummingbird with an empty handler, as its own process too, in the
/// same run: the floor of whatever is built on it.
@main struct HTTPBenchmark {
  static let seconds = 3.0
  static let port = 27_101

  static func main() async throws {
    let arguments = CommandLine.arguments
    if arguments.dropFirst().first == "--bare" { return try await bare() }
    guard arguments.count > 1 else {
      print("usage: HTTPBenchmark <path of laterbase, release> [folder on the disk to be measured] [views <events> <groups>]")
      exit(64)
    }
    let root = URL(filePath: arguments.count > 2 ? arguments[2] : FileManager.default.temporaryDirectory.path)
    let data = root.appending(path: "laterbase-http-\(getpid())")
    defer { try? FileManager.default.removeItem(at: data) }
    let ours = ["serve", "--data", data.path, "--listen", "127.0.0.1:\(port)", "--log-level", "error"]
    if arguments.count > 5, arguments[3] == "views", let events = Int(arguments[4]), let groups = Int(arguments[5]) {
      return try running(arguments[1], ours) { try ViewReads(port: port, events: events, groups: groups).run() }
    }
    print("| work | ours, /s | p50 µs | p99 µs | bare Hummingbird, /s | ours / bare |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    for (name, connections, batch) in [
      ("append one, 1 connection", 1, 1), ("append one, 16 connections", 16, 1), ("append one, 64 connections", 64, 1),
      ("append one, 256 connections", 256, 1), ("batches of 100, 4 connections", 4, 100), ("batches of 1000, 4 connections", 4, 1000),
    ] {
      let request = post(batch)
      let floor = try measure(arguments[0], ["--bare"], connections, request)
      let our = try measure(arguments[1], ours, connections, request)
      let (a, b) = (Double(our.result.requests) / our.seconds, Double(floor.result.requests) / floor.seconds)
      let (p50, p99) = (Int(our.result.microseconds(0.5)), Int(our.result.microseconds(0.99)))
      print(
        "| \(name), events | \(Int(a * Double(batch))) | \(p50) | \(p99) | \(Int(b * Double(batch))) | \(String(format: "%.2f", a / b)) |")
      if our.result.errors > 0 { print("errors: \(our.result.errors)") }
    }
  }

  /// Starts a server, loads it, and stops it.
  static func measure(_ program: String, _ arguments: [String], _ connections: Int, _ request: @escaping @Sendable (Int) -> ByteBuffer)
    throws -> (result: LoadResult, seconds: Double)
  { try running(program, arguments) { try load(port: port, connections: connections, seconds: seconds, request) } }

  /// Starts a server, and stops it behind the closure.
  static func running<R>(_ program: String, _ arguments: [String], _ body: () throws -> R) throws -> R {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    defer {
      process.terminate()
      process.waitUntilExit()
    }
    let probe = ByteBuffer(string: "GET /health HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\r\n")
    for _ in 0..<200 {
      if let answered = try? load(port: port, connections: 1, seconds: 1, requestsMax: 1, { _ in probe }), answered.result.requests == 1 {
        break
      }
      usleep(50_000)
    }
    return try body()
  }

  static let filler = String(repeating: "abcdefghijklmnopqrstuvwxyz012345", count: 8)

  /// Events of 256 bytes, members not in order, as clients send them.
  static func post(_ batch: Int) -> @Sendable (Int) -> ByteBuffer {
    { number in
      let events = (0..<batch).map { index in
        let head =
          #"{"type":"shipment.scanned","shipment":"SHP-\#(number % 10_000)","location":"HAM","weightKg":\#(index % 1000).5,"note":""#
        return head + filler.prefix(254 - head.utf8.count) + "\"}"
      }
      let body = batch == 1 ? events[0] : "[" + events.joined(separator: ",") + "]"
      return ByteBuffer(
        string: "POST /db/bench/e HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nContent-Type: application/json\r\nPrefer: return=minimal\r\n"
          + "Content-Length: \(body.utf8.count)\r\n\r\n" + body)
    }
  }

  /// Reads the body and answers with what an append answers, recording nothing.
  static func bare() async throws {
    let answer = ByteBuffer(
      string: #"{"clock":"AQEAAAAAAAAAAAUAAAAAAAAAAAAAAAA","known":0,"quorum":{"achieved":1,"required":1},"recorded":1,"status":"success"}"#
    )
    let router = Router()
    router.get("health") { _, _ in "ok" }
    router.post("db/:db/e") { request, _ in
      _ = try await request.body.collect(upTo: 32 << 20)
      return Response(status: .created, headers: [.contentType: "application/json"], body: .init(byteBuffer: answer))
    }
    var configuration = ApplicationConfiguration(address: .hostname("127.0.0.1", port: port))
    configuration.reuseAddress = true
    try await Application(router: router, configuration: configuration).run()
  }
}
