import ArgumentParser
import EventModel
import Testing

@testable import LaterbaseCommands

@Suite struct QueryTests {
  @Test func `A key that is not JSON is a string, and all is encoded`() throws {
    #expect(try Query.parse(["db", "v"]).path == "/db/db/v/v")
    #expect(try Query.parse(["db", "v", "--key", "SHP 1"]).path == "/db/db/v/v?key=%22SHP%201%22")
    #expect(try Query.parse(["db", "v", "--key", "\"S\""]).path == "/db/db/v/v?key=%22S%22")
    #expect(try Query.parse(["db", "v", "--key", "[1, 2]"]).path == "/db/db/v/v?key=%5B1%2C2%5D")
    #expect(try Query.parse(["../x", "v", "limit=3", "startkey=\"a=b\""]).path == "/db/..%2Fx/v/v?limit=3&startkey=%22a%3Db%22")
  }

  @Test func `Times are parameters`() throws {
    let query = try Query.parse(["db", "v", "--as-of", "2026-03-01T12:00:00+01:00", "--known-at", "AQ", "--held-at", "t"])
    #expect(query.path == "/db/db/v/v?as_of=2026-03-01T12%3A00%3A00%2B01%3A00&known_at=AQ&held_at=t")
    #expect(try Query.parse(["db", "v", "group=false", "--between", "a,b"]).path == "/db/db/v/v?group=false&between=a%2Cb")
  }

  @Test func `A parameter without a value is a usage error`() {
    #expect(throws: (any Error).self) { try Query.parse(["db", "v", "limit"]) }
  }
}
