import EventModel
import Laterbase
import ViewKit

/// A read of one key of a view, as it is now: `GET …?key=…`, and nothing else in the query.
struct KeyRead: Sendable {
  let database: String
  let view: String
  let form: ListForm
  let ifNoneMatch: String?
  /// As the query has it.
  let text: Substring

  /// - Returns: nil: it asks for more.
  init?(_ database: String, _ view: String, _ call: Call) throws(LaterbaseError) {
    guard let query = call.query, query.hasPrefix("key="), !query.utf8.contains(UInt8(ascii: "&")) else { return nil }
    (self.database, self.view, text) = (database, view, query.dropFirst(4))
    form = try Accepted.list(call.headers.accept)
    ifNoneMatch = call.headers.ifNoneMatch
  }
}

/// A key of a view that a request asks for.
struct AskedKey: Sendable {
  let bytes: [UInt8]
  /// As the answer shows it.
  let json: JSON

  init(bytes: [UInt8], json: JSON) { (self.bytes, self.json) = (bytes, json) }

  /// - Parameter text: the value of `key` as it stands in a query.
  /// - Returns: nil: it is none, which is said on the long way.
  init?(_ text: Substring) {
    guard let decoded = text.percentDecoded, let json = try? JSON(parsing: [UInt8](decoded.utf8)),
      let bytes = try? KeyBytes.bytes(of: json)
    else { return nil }
    self.init(bytes: bytes, json: json)
  }
}
