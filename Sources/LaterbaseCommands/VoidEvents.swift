import ArgumentParser
import AsyncHTTPClient
import EventModel
import HTTPService

struct VoidEvents: ContextCommand {
  static let configuration = CommandConfiguration(
    commandName: "void",
    abstract: "Declare events wrong, by their ids: views then are as if these had never happened.",
    discussion: """
      The events stay in the set and in the feed. A void lasts: to take it back, append the event again under a new id. All ids or none
      are voided; what is voided already is left alone.
      """)

  @Argument(help: "The database.") var database: String
  @Argument(help: "The events' ids.") var ids: [String]
  @OptionGroup var target: Target
  @Flag(help: "Void ids too that this node doesn't hold: their events may still come.") var unseen = false
  @Flag(help: "Print the answer as JSON.") var json = false

  /// As many ids as an event's `_voids` takes.
  private static let idsMax = 1000

  func validate() throws {
    guard ids.count <= Self.idsMax else { throw ValidationError("\(ids.count) ids are more than \(Self.idsMax)") }
    for id in ids where ULID(id) == nil { throw ValidationError("\"\(id)\" is no id of an event: 26 characters in Crockford base32") }
  }

  func perform(_ context: Context) async throws(Failure) {
    try await target.connect(context) { (client) throws(Failure) in
      let wanted = Set(ids.compactMap { ULID($0) })
      let path = "/db/\(database.percentEncoded)/e"
      let held = try await Self.post(client, "\(path)/_read?bodies=false", ["keys": Self.list(wanted)])
      let missing = held["missing"]?.elements?.compactMap(\.string) ?? []
      guard unseen || missing.isEmpty else {
        let which = missing.joined(separator: ", ")
        throw .failed("\(database) has no event \(which); nothing was voided (--unseen voids what may still come)")
      }
      let voided = (held["events"]?.elements ?? []).filter { $0["_voided_by"] != nil }.compactMap { $0["_id"]?.string.flatMap { ULID($0) } }
      let left = wanted.subtracting(voided)
      let nothing: JSON = ["ids": [], "known": 0, "recorded": 0]
      let answer = left.isEmpty ? nothing : try await Self.post(client, path, ["_voids": Self.list(left)])
      try context.console.print(json ? answer.description : Self.summary(voided: left.count, already: wanted.count - left.count, answer))
    }
  }

  private static func post(_ client: Client, _ path: String, _ body: JSON) async throws(Failure) -> JSON {
    try await client.post(path, "application/json", .bytes(body.bytes))
  }

  private static func list(_ ids: Set<ULID>) -> JSON { JSON(ids.sorted().map { JSON($0.description) }) }

  private static func summary(voided: Int, already: Int, _ answer: JSON) -> String {
    var line = "voided \(voided)"
    if already > 0 { line += ", already voided \(already)" }
    if let id = answer["ids"]?[0]?.string { line += ", by \(id)" }
    if let clock = answer["clock"]?.string { line += ", clock \(clock)" }
    return line
  }
}
