import AsyncHTTPClient
import EventModel
import HTTPService

/// What the demo does and says, step by step, over a server's HTTP interface.
struct DemoStory: Sendable {
  let client: Client
  let console: Console
  private let stream = ScanStream()

  init(client: Client, console: Console) { (self.client, self.console) = (client, console) }

  func tell() async throws(Failure) {
    try say("Laterbase demo: \(client.base), data in \(Demo.data)")
    try await month()
    try await lateBatch()
    try await epcis()
    try await check()
    try say(tryNext)
  }

  private func say(_ text: String) throws(Failure) { try console.print(text) }

  private func month() async throws(Failure) {
    let late = stream.scans.filter(\.isLate)
    let latest = late.map { $0.arrived.milliseconds - $0.happened.milliseconds }.max() ?? 0
    try say("\n1. A month of shipment scans, sent in the order in which they arrived.")
    try say("   POST /db/shipments/e  \(try await append(stream.scans))")
    try say("   The first:  \(stream.scans.first?.line.dropLast() ?? "")")
    try say("   \(late.count) of them arrived late: an hour to \(latest / 86_400_000) days after they had happened.")
    try say("\n   GET /shipments/weight-by-location")
    for row in try await rows("weight-by-location") { try say("   \(row.key.string ?? "")  \(row.value)") }
  }

  /// The offline scanner's month-end: what it changes, and what it rightly doesn't.
  private func lateBatch() async throws(Failure) {
    let place = ScanStream.offlineLocation
    let expected = ExpectedViews(stream.scans + stream.lateBatch)
    let overtaken = stream.lateBatch.first { expected.last[$0.shipment]?.location != place }?.shipment ?? ""
    let newest = stream.lateBatch.first { expected.last[$0.shipment]?.key == $0.key }?.shipment ?? ""
    try say(
      "\n2. A scanner in \(place) was offline for two days in the middle of the month. Now it sends what it has: \(stream.lateBatch.count) scans."
    )
    let questions = [("weight-by-location", place), ("last-location", overtaken), ("last-location", newest)]
    let before = try await answers(questions)
    let receipt = try await append(stream.lateBatch)
    let after = try await answers(questions)
    try say("   POST /db/shipments/e  \(receipt)")
    let remarks = ["", "  (its scan in \(place) arrived last, but others happened later)", "  (its scan in \(place) is its last)"]
    for (index, (view, key)) in questions.enumerated() {
      try say("\n   GET /shipments/\(view)?key=\"\(key)\"\(remarks[index])")
      try say("   before  \(before[index])")
      try say("   after   \(after[index])")
    }
    try say("\n   The same scans sent once more: \(try await append(stream.lateBatch)).")
  }

  private func epcis() async throws(Failure) {
    try say("\n3. \(DemoDocuments.all.count) EPCIS 2.0 documents: coffee on its way from a plant to a warehouse.")
    var recorded = 0
    for document in DemoDocuments.all {
      let receipt = try await client.post("/db/epcis/e", "application/ld+json", .bytes(document))
      recorded += receipt["recorded"]?.int ?? 0
    }
    try say("   POST /db/epcis/e  recorded \(recorded)")
    let seen = try await client.get("/epcis/last-seen?limit=0")["rows"]?.elements ?? []
    try say("   GET /epcis/last-seen  \(seen.count) objects, the first:")
    if let first = seen.first { try say("   \(first["key"]?.string ?? "")  \(first["value"] ?? .null)") }
  }

  /// Compares both views with the reduction of the sorted scans.
  private func check() async throws(Failure) {
    let expected = ExpectedViews(stream.scans + stream.lateBatch)
    let wrong = expected.differences(weights: try await rows("weight-by-location"), last: try await rows("last-location"))
    if let first = wrong.first { throw .failed("\(wrong.count) rows are not what the sorted scans give; the first: \(first)") }
    try say("\nChecked: both views of shipments equal the reduction of all \(expected.scans) scans sorted by when they happened.")
  }

  private func append(_ scans: [ScanStream.Scan]) async throws(Failure) -> String {
    let lines = scans.map(\.line).joined()
    let receipt = try await client.post("/db/shipments/e", Client.ndjson, .bytes(Array(lines.utf8)))
    return "recorded \(receipt["recorded"]?.int ?? 0), known \(receipt["known"]?.int ?? 0)"
  }

  private func rows(_ view: String) async throws(Failure) -> [(key: JSON, value: JSON)] {
    let answer = try await client.get("/shipments/\(view)?limit=0")
    return (answer["rows"]?.elements ?? []).map { ($0["key"] ?? .null, $0["value"] ?? .null) }
  }

  private func answers(_ questions: [(view: String, key: String)]) async throws(Failure) -> [JSON] {
    var values: [JSON] = []
    for (view, key) in questions {
      let answer = try await client.get("/shipments/\(view)?key=\(JSON(key).description.percentEncoded)")
      values.append(answer["rows"]?[0]?["value"] ?? .null)
    }
    return values
  }

  private var tryNext: String {
    let command = CommandLine.arguments.first ?? "laterbase"
    return """

      Try next:
        curl -G '\(client.base)/shipments/last-location' --data-urlencode 'key="SHP-000001"'
        curl '\(client.base)/db/shipments/e' -H 'Content-Type: application/json' \\
          -d '{"shipment":"SHP-000001","location":"HAM","weightKg":12.5,"_at":"2026-03-02T06:00:00Z"}'
        curl '\(client.base)/db/shipments/e?limit=3'
        \(command) query shipments weight-by-location --url \(client.base)
        \(command) feed epcis --url \(client.base)
        \(command) verify --data \(Demo.data)     (when the server has stopped)
      """
  }
}
