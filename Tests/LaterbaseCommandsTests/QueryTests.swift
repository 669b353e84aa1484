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

  @Test func `A parameter without a value is a usage error`() {
    #expect(throws: (any Error).self) { try Query.parse(["db", "v", "limit"]) }
  }
}
