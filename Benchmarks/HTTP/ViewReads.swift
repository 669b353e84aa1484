import Foundation

/// Reads of a view over one connection, by a client without an event loop: one key, all keys, and a late event and then its key.
struct ViewReads {
  private let port: Int
  private let events: Int
  private let groups: Int
  private let client: BlockingClient

  init(port: Int, events: Int, groups: Int) throws {
    (self.port, self.events, self.groups) = (port, events, groups)
    client = try BlockingClient(port: port)
  }

  func run() throws {
    try fill()
    try check(client.ask(get("/db/shipments/v/weight-by-shipment?key=%22\(shipment(0))%22&timeout=5m")))
    let key = try times((0..<5000).map { [get(of: shipment($0))] })
    let all = try times((0..<300).map { _ in [get("/db/shipments/v/weight-by-shipment?limit=0")] })
    let append = try times((0..<500).map { [self.late($0)] })
    let late = try times((500..<1000).map { [self.late($0), get(of: shipment($0))] })
    print("| \(events) events, \(groups) groups | p50, µs | p99, µs |\n| --- | ---: | ---: |")
    for (name, samples) in [
      ("one key", key), ("all keys", all), ("a late event, durable", append), ("a late event, durable, then its key", late),
    ] {
      print("| \(name) | \(Int(samples[samples.count / 2])) | \(Int(samples[samples.count * 99 / 100])) |")
    }
  }

  /// Times requests that are sent together, one behind the other's answer. They are written before the clock runs.
  private func times(_ requests: [[[UInt8]]]) throws -> [Double] {
    var samples: [Double] = []
    for requests in requests {
      let began = ContinuousClock.now
      for request in requests { try check(client.ask(request)) }
      samples.append((ContinuousClock.now - began) / .microseconds(1))
    }
    return samples.sorted()
  }

  private func check(_ answer: (status: Int, bytes: Int)) throws {
    guard answer.status < 300 else { throw Refused(answer: client.last) }
  }

  /// An answer that isn't a success: the benchmark can't go on.
  private struct Refused: Error { let answer: String }

  private func shipment(_ number: Int) -> String { "SHP-" + String(1_000_000 + number &* 7919 % groups).dropFirst() }

  private func fill() throws {
    for start in stride(from: 0, to: events, by: 5000) {
      try check(client.ask(post((start..<min(events, start + 5000)).map { event($0, at: $0) })))
    }
  }

  private func event(_ number: Int, at second: Int) -> String {
    let scattered = Int((UInt64(number) &* 0x9E37_79B9_7F4A_7C15) >> 20)
    let at = Date(timeIntervalSince1970: 1_700_000_000 + Double(second)).ISO8601Format()
    return #"{"_at":"\#(at)","shipment":"\#(shipment(scattered % groups))","location":"HAM","weightKg":\#(scattered % 1000)}"#
  }

  /// One that happened somewhere in the middle.
  private func late(_ number: Int) -> [UInt8] {
    let at = Date(timeIntervalSince1970: 1_700_000_000 + Double(number &* 7919 % events)).ISO8601Format()
    return post([#"{"_at":"\#(at)","shipment":"\#(shipment(number))","location":"HAM","weightKg":7.5}"#])
  }

  private func post(_ events: [String]) -> [UInt8] {
    let body = events.count == 1 ? events[0] : "[\(events.joined(separator: ","))]"
    return Array(
      ("POST /db/shipments/e HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nContent-Type: application/json\r\nPrefer: return=minimal\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n" + body).utf8)
  }

  private func get(of shipment: String) -> [UInt8] { get("/db/shipments/v/weight-by-shipment?key=%22\(shipment)%22") }

  private func get(_ path: String) -> [UInt8] { Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\r\n".utf8) }
}
