import EventModel
import Foundation
import Testing

@Suite struct VoidTests {
  private static let ids = ["01KJN76AE0499C6C4Z96XMFPPF", "01KJPRZB005BDP7GD699X2K06B"]
  private static let scans = """
    {"_id":"\(ids[0])","shipment":"S1","location":"ROT"}
    {"_id":"\(ids[1])","shipment":"S1","location":"HAM"}
    """

  @Test func `Void takes events out of every view, and leaves them in the feed`() async throws {
    try await Folder.with { folder in
      let target = ["--data", folder["a"]]
      #expect(try await Laterbase.run("append", "shipments", target[0], target[1], input: Self.scans).code == 0)
      let (other, later) = (Self.ids[0], Self.ids[1])
      #expect(try await Self.last(target) == "HAM")

      let unknown = try await Laterbase.run("void", "shipments", later, "01KJPRZB005BDP7GD699X2K06C", target[0], target[1])
      #expect(unknown.code == 1 && unknown.notes.contains("01KJPRZB005BDP7GD699X2K06C; nothing was voided"), "\(unknown.notes)")
      let wrong = try await Laterbase.run("void", "shipments", "x", target[0], target[1])
      #expect(wrong.code == 64)
      #expect(try await Self.last(target) == "HAM")

      let void = try await Laterbase.run("void", "shipments", later.lowercased(), target[0], target[1])
      #expect(void.code == 0 && void.output.hasPrefix("voided 1, by 01"), "\(void.output)\(void.notes)")
      #expect(try await Self.last(target) == "ROT")
      let again = try await Laterbase.run("void", "shipments", later, other, target[0], target[1])
      #expect(again.output.hasPrefix("voided 1, already voided 1, by 01"), "\(again.output)")
      let third = try await Laterbase.run("void", "shipments", later, "--json", target[0], target[1])
      #expect(third.output == "{\"ids\":[],\"known\":0,\"recorded\":0}\n", "\(third.output)")
      #expect(try await Self.last(target) == nil)

      let feed = try await Laterbase.run("feed", "shipments", target[0], target[1])
      #expect(feed.lines.count == 4 && feed.output.contains("\"_voided_by\":[\"01"), "\(feed.output)")
      _ = try await Server.run(data: folder["a"]) { server in
        let views = try await server.get("/db/shipments/v").json["views"]?.elements ?? []
        #expect(!views.isEmpty && views.allSatisfy { ($0["skipped"]?.int ?? 0) == 0 }, "\(views)")
      }
    }
  }

  private static func last(_ target: [String]) async throws -> String? {
    let answer = try await Laterbase.run("query", "shipments", "last-location", "--json", target[0], target[1])
    return Answer(status: 0, body: Array(answer.output.utf8)).json["rows"]?[0]?["value"]?["location"]?.string
  }

  @Test func `An EPCIS error declaration voids what it declares wrong, whichever arrives first`() async throws {
    let epc = "urn:epc:id:sgtin:9521321.012345.1003"
    func event(_ minute: Int, _ step: String, _ place: String, declares: Bool = false) -> String {
      let error = declares ? #","errorDeclaration":{"declarationTime":"2026-03-06T16:30:00Z"}"# : ""
      return """
        {"type":"ObjectEvent","action":"OBSERVE","eventID":"urn:uuid:\(minute)","eventTime":"2026-03-06T08:0\(minute):00Z",\
        "epcList":["\(epc)"],"bizStep":"\(step)","bizLocation":{"id":"\(place)"}\(error)}
        """
    }
    let events = [event(1, "receiving", "urn:A"), event(2, "storing", "urn:B"), event(2, "storing", "urn:B", declares: true)]
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
      try await Folder.with { folder in
        _ = try await Server.run(data: folder["a"]) { server in
          for index in order {
            #expect(try await server.post("/db/epcis/e", events[index], type: "application/ld+json").status == 201)
            // The views are read, and kept, at each step.
            for view in ["last-seen", "inventory"] { #expect(try await server.get("/epcis/\(view)").status == 200) }
          }
          let seen = try await server.get("/epcis/last-seen").json["rows"]
          #expect(seen?[0]?["value"]?["bizStep"] == "receiving" && seen?.elements?.count == 1, "\(order) \(String(describing: seen))")
          let inventory = try await server.get("/epcis/inventory").json["rows"]
          #expect(inventory?[0]?["value"]?["bizLocation"] == "urn:A", "\(order) \(String(describing: inventory))")
          let voided = try await server.feed("epcis").filter { $0["_voided_by"] != nil }
          #expect(voided.count == 1 && voided[0]["errorDeclaration"] == nil, "\(order)")
        }
      }
    }
  }
}
