import EventModel
import Testing

@Suite struct `Filters of members` {
  private func matches(_ body: String, _ conditions: [(String, [JSON])]) throws -> Bool {
    var filter = MemberFilter()
    for (name, values) in conditions { filter.require(name, oneOf: values) }
    let bytes = try JSON(parsing: Array(body.utf8)).bytes
    return filter.matches(bytes.raw)
  }

  @Test func `compare members of the top level, whole, and ask for all`() throws {
    let body = #"{"n":1.50,"s":"a\"b","t":true,"deep":{"n":7,"x":"y"},"é":"\u0001","list":["a"],"":0,"null":null}"#
    for (name, value) in [("n", "1.5"), ("s", #""a\"b""#), ("t", "true"), ("é", #""\u0001""#), ("", "0")] {
      #expect(try matches(body, [(name, [try JSON(parsing: Array(value.utf8))])]), "\(name)")
    }
    #expect(try matches(body, [("n", [1.5]), ("t", [true]), ("s", ["a\"b"])]))
    #expect(try matches(body, [("n", ["x", 1.5])]))
    #expect(try !matches(body, [("n", [1.5]), ("t", [false])]))
    for (name, value) in [("n", 15), ("n", "1.5"), ("x", "y"), ("deep", "y"), ("list", "a"), ("s", "a"), ("none", ""), ("null", 0)]
      as [(String, JSON)]
    {
      #expect(try !matches(body, [(name, [value])]), "\(name)")
    }
    #expect(try !matches("{}", [("n", [1])]))
    #expect(try matches("{}", []) && matches(body, []))
  }

  @Test(arguments: [UInt64](1...8)) func `find what the reference finds`(seed: UInt64) throws {
    var random = JSONRandom(seed: seed)
    for round in 0..<800 {
      let body = JSON(normalForm: JSONSamples.object(&random).normalForm)
      let other = JSON(normalForm: JSONSamples.object(&random).normalForm)
      let wanted = Array(((body.members ?? []) + (other.members ?? [])).shuffled(using: &random).prefix(1 + random.below(3)))
      let conditions = wanted.enumerated().filter { index, member in !wanted[..<index].contains { $0.name == member.name } }.map(\.element)
      var filter = MemberFilter()
      for member in conditions { filter.require(member.name, oneOf: random.chance(80) ? [member.value] : [JSON("x"), member.value]) }
      let expected = conditions.allSatisfy { body[$0.name] == $0.value }
      #expect(filter.matches(body.raw) == expected, "seed \(seed), round \(round): \(body), \(conditions)")
    }
  }
}
