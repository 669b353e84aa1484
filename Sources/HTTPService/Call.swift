import HTTPTypes
import Laterbase
import NIOCore
import NIOHTTP1

/// A request without its body, as far as this service looks at it.
struct Call: Sendable {
  enum Method: String, Sendable {
    case get = "GET", head = "HEAD", post = "POST", put = "PUT", delete = "DELETE", options = "OPTIONS"
  }

  /// Nil: one that nothing here takes.
  var method: Method?
  /// The path, still percent-encoded.
  var path: Substring
  /// What follows the first question mark.
  var query: Substring?
  /// Bytes of the request line.
  var lineBytes: Int
  var headers: Headers

  init(method: String, target: String, headers: Headers) {
    self.method = Method(rawValue: method)
    let target = target[...]
    if let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) {
      path = target[..<mark]
      query = target[target.index(after: mark)...]
    } else {
      path = target
      query = nil
    }
    lineBytes = method.utf8.count + target.utf8.count + 10
    self.headers = headers
  }
}

/// The headers that this service looks at.
struct Headers: Sendable {
  var host: String?
  var origin: String?
  var accept: String?
  var contentType: String?
  var contentEncoding: String?
  var acceptEncoding: String?
  var contentLength: Int?
  var prefer: String?
  var idempotencyKey: String?
  var ifNoneMatch: String?
  var lastEventID: String?
  /// Bytes of all names and values.
  var bytes = 0
  /// A header that may stand once only and stands twice.
  var repeated: String?

  init() {}

  /// Takes one header.
  mutating func take(_ name: String, _ value: String) {
    bytes += name.utf8.count + value.utf8.count + 4
    switch name.utf8.count {
    case 4 where name.isHeader("host"): if Self.set(&host, value) { repeated = "Host" }
    case 6 where name.isHeader("origin"): if Self.set(&origin, value) { repeated = "Origin" }
    case 6 where name.isHeader("accept"): Self.join(&accept, value)
    case 6 where name.isHeader("prefer"): Self.join(&prefer, value)
    case 12 where name.isHeader("content-type"): if Self.set(&contentType, value) { repeated = "Content-Type" }
    case 13 where name.isHeader("if-none-match"): Self.join(&ifNoneMatch, value)
    case 13 where name.isHeader("last-event-id"): if Self.set(&lastEventID, value) { repeated = "Last-Event-ID" }
    case 14 where name.isHeader("content-length"): contentLength = Int(value)
    case 15 where name.isHeader("accept-encoding"): Self.join(&acceptEncoding, value)
    case 15 where name.isHeader("idempotency-key"): if Self.set(&idempotencyKey, value) { repeated = "Idempotency-Key" }
    case 16 where name.isHeader("content-encoding"): Self.join(&contentEncoding, value)
    default: break
    }
  }

  /// - Returns: whether it was set before.
  private static func set(_ field: inout String?, _ value: String) -> Bool {
    defer { field = value }
    return field != nil
  }

  private static func join(_ field: inout String?, _ value: String) {
    field = field.map { $0 + ", " + value } ?? value
  }
}

extension String {
  /// Whether this is a header's name, given in lower case, in any case.
  func isHeader(_ lowerCase: StaticString) -> Bool {
    guard utf8.count == lowerCase.utf8CodeUnitCount else { return false }
    var at = 0
    for byte in utf8 {
      // Safe: `at` counts the same number of bytes as the static text has.
      guard unsafe byte | 0x20 == lowerCase.utf8Start[at] || byte == lowerCase.utf8Start[at] else { return false }
      at += 1
    }
    return true
  }
}

extension Call {
  init(_ head: HTTPRequestHead) {
    var headers = Headers()
    for (name, value) in head.headers { headers.take(name, value) }
    self.init(method: head.method.rawValue, target: head.uri, headers: headers)
  }

  init(_ request: HTTPRequest) {
    var headers = Headers()
    if let authority = request.authority { headers.take("Host", authority) }
    for field in request.headerFields { headers.take(field.name.rawName, field.value) }
    self.init(method: request.method.rawValue, target: request.path ?? "", headers: headers)
  }
}
