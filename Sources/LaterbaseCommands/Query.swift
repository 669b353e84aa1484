import ArgumentParser
import EventModel
import HTTPService

struct Query: ContextCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print a view's rows: key and value, or event, one row a line.",
    discussion: """
      Parameters are those of the HTTP interface, as name=value with values in JSON:
        query shipments weight-by-location
        query shipments last-location --key SHP-000001
        query shipments weight-by-location limit=3
        query shipments weight-by-location group=false --as-of 2026-03-01T12:00:00Z
      """)

  @Argument(help: "The database.") var database: String
  @Argument(help: "The view.") var view: String
  @Argument(help: "Parameters: name=value.") var parameters: [String] = []
  @OptionGroup var target: Target
  @Option(help: "The row of this key: JSON; what isn't JSON is a string.") var key: String?
  @Option(help: "What had happened by this time.") var asOf: String?
  @Option(help: "What happened from a time to before another: <from>,<to>.") var between: String?
  @Option(help: "What was recorded anywhere by this time, or exactly what this clock covers.") var knownAt: String?
  @Option(help: "What the node held at this time.") var heldAt: String?
  @Flag(help: "Print the answer as JSON.") var json = false

  func validate() throws {
    for parameter in parameters where !parameter.contains("=") {
      throw ValidationError("\"\(parameter)\" is no parameter: name=value")
    }
  }

  func perform(_ context: Context) async throws(Failure) {
    try await target.connect(context) { (client) throws(Failure) in
      let answer = try await client.get(path)
      if json { return try context.console.print(answer.description) }
      for row in answer["rows"]?.elements ?? [] {
        try context.console.print("\(Self.plain(row["key"] ?? .null))\t\(row["event"] ?? row["value"] ?? .null)")
      }
      if let cursor = answer["cursor"]?.string { context.console.note("more: cursor=\(cursor)") }
    }
  }

  /// `/db/shipments/v/last-location?key=%22S1%22`.
  var path: String {
    var pairs = parameters.compactMap { parameter -> String? in
      guard let equals = parameter.firstIndex(of: "=") else { return nil }
      return "\(parameter[..<equals])=\(String(parameter[parameter.index(after: equals)...]).percentEncoded)"
    }
    if let key { pairs.append("key=\((JSON.reading(Array(key.utf8)) ?? JSON(key)).description.percentEncoded)") }
    for (name, value) in [("as_of", asOf), ("between", between), ("known_at", knownAt), ("held_at", heldAt)] {
      if let value { pairs.append("\(name)=\(value.percentEncoded)") }
    }
    return "/db/\(database.percentEncoded)/v/\(view.percentEncoded)" + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
  }

  private static func plain(_ key: JSON) -> String { key.string ?? key.description }
}
