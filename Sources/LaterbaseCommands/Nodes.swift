import ArgumentParser
import AsyncHTTPClient
import EventModel
import HTTPService

struct Nodes: ContextCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the nodes of a server's cluster: who they are, what they hold, and when the server last heard from each.",
    discussion: """
      States: live; suspect, quiet for long or the last try failed; down, not heard from for five minutes; left; removed. What one server
      hears another needn't hear.
        nodes --join <url>      lets the server join the cluster of the node at the URL, also after a restart, until it leaves
        nodes --remove <id>     removes a node for ever: it counts no more, and is talked with no more
      """)

  @OptionGroup var server: ServerURL
  @Option(help: ArgumentHelp("Remove a node for ever.", valueName: "id")) var remove: String?
  @Option(help: ArgumentHelp("Let the server join the cluster of the node at a URL.", valueName: "url")) var join: String?
  @Flag(help: "Print the answer as JSON.") var json = false

  func validate() throws {
    if join != nil, remove != nil { throw ValidationError("--join and --remove don't go together") }
  }

  func perform(_ context: Context) async throws(Failure) {
    if let join {
      let body = JSON(members: [(name: "url", value: JSON(join))]).bytes
      let other = try await server.client.post("/nodes", "application/json", .bytes(body))
      if json { return try context.console.print(other.description) }
      return try context.console.print("joined \(other["name"]?.string ?? "-") (\(other["node"]?.string ?? "-")) at \(join)")
    }
    if let remove {
      _ = try await server.client.delete("/nodes/\(remove.percentEncoded)")
      return
    }
    let answer = try await server.client.get("/nodes")
    if json { return try context.console.print(answer.description) }
    let rows = (answer["nodes"]?.elements ?? []).map(Self.row)
    for line in Self.columns([["NODE", "NAME", "STATE", "REGION", "ROLE", "ADDRESS", "LAST HEARD", "LAG", "DATABASES"]] + rows) {
      try context.console.print(line)
    }
  }

  private static func row(_ node: JSON) -> [String] {
    func text(_ name: String) -> String { node[name]?.string ?? "-" }
    let databases = node["databases"]?.elements?.compactMap(\.string) ?? []
    let isThis = node["this"]?.bool == true
    let name = text("name") + (isThis ? " (this)" : "") + (node["shares_name"]?.bool == true ? " (name is another's too)" : "")
    return [
      text("id"), name, text("state"), text("region"), text("role"), text("address"), isThis ? "-" : text("last_heard"),
      node["lag"]?.int.map { "\($0)" } ?? "-",
      databases.isEmpty ? "-" : databases.joined(separator: ","),
    ]
  }

  /// The cells of each row, padded to the widest of their column.
  private static func columns(_ rows: [[String]]) -> [String] {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.indices.map { $0 == row.count - 1 ? row[$0] : row[$0] + String(repeating: " ", count: widths[$0] - row[$0].count) }
      return cells.joined(separator: "  ")
    }
  }
}

struct Leave: ContextCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let a server leave its cluster: others count on it no more.",
    discussion: """
      It keeps what it holds, and goes on answering. Started again with --peer it joins again. For a node that is gone for ever, use
      nodes --remove at any other.
      """)

  @OptionGroup var server: ServerURL
  @Flag(help: "Print the answer as JSON.") var json = false

  func perform(_ context: Context) async throws(Failure) {
    let answer = try await server.client.delete("/nodes/self")
    if json { return try context.console.print((answer ?? .null).description) }
    let told = answer?["told"]?.int ?? 0
    try context.console.print("left; \(told) of the others \(told == 1 ? "was" : "were") told, and tell the rest")
  }
}

/// A running server; these commands are about the cluster as it lives, so a data folder won't do.
struct ServerURL: ParsableArguments {
  @Option(help: "The server (default: http://127.0.0.1:5283).") var url: String?

  func validate() throws {
    if let url, !url.hasPrefix("http://"), !url.hasPrefix("https://") { throw ValidationError("--url must begin with http:// or https://") }
  }

  var client: Client { Client(url ?? "http://\(ListenAddress.standard)") }
}
