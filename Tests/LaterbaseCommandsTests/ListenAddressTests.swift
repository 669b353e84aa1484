import Testing

@testable import LaterbaseCommands

@Suite struct ListenAddressTests {
  @Test(arguments: [
    ("127.0.0.1:5283", "127.0.0.1", 5283, true), ("127.9.8.7:0", "127.9.8.7", 0, true), ("[::1]:80", "::1", 80, true),
    ("localhost:65535", "localhost", 65535, true), ("0.0.0.0:5283", "0.0.0.0", 5283, false), ("[::]:5283", "::", 5283, false),
    ("10.0.0.1:1", "10.0.0.1", 1, false), ("127.0.0.1.example:1", "127.0.0.1.example", 1, false),
    ("127.0.0.256:1", "127.0.0.256", 1, false),
  ])
  func `It is read, written the same, and knows whether only this machine reaches it`(text: String, host: String, port: Int, loopback: Bool)
    throws
  {
    let address = try #require(ListenAddress(argument: text))
    #expect(address == ListenAddress(host: host, port: port))
    #expect(address.description == text)
    #expect(address.isLoopback == loopback)
  }

  @Test(arguments: ["", "5283", ":5283", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:5283", "[::1]", "h:p"])
  func `Other forms are refused`(text: String) {
    #expect(ListenAddress(argument: text) == nil)
  }

  @Test(arguments: [("500ms", 500), ("10s", 10_000), ("2m", 120_000), ("26h", 93_600_000), ("90d", 7_776_000_000)])
  func `Durations are read`(text: String, milliseconds: Int64) {
    #expect(TimeSpan(argument: text)?.milliseconds == milliseconds)
  }

  @Test(arguments: ["", "10", "s", "-1s", "1.5s", "1 s", "1S", "9223372036854775807d", "1w"])
  func `Other durations are refused`(text: String) {
    #expect(TimeSpan(argument: text) == nil)
  }
}
