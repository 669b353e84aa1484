import EventModel
import Testing

@testable import ViewKit

/// A change of what is stored of a reducer must come with a new version of every view that uses it: these bytes say when.
@Suite struct `Stored bytes` {
  /// The bytes of each reducer over rows that are always the same; long ones by their digest.
  static func golden() throws -> [String] {
    var lines: [String] = []
    func add<R: Reducible>(_ name: String, _ count: Int, _ make: (Int, Happened) -> R) throws {
      let rows = (0..<count).map { index in
        make(index, Happened(id: ULID(value: UInt128(index * 7 % count) << 80 | 5), digest: UInt128(index)))
      }
      let row = rows.dropFirst().reduce(rows[0]) { $0.joined($1) }
      let bytes = try StoredCoding<R>().bytes(row)
      let json = try EventEncoder(userInfo: StoredForm.userInfo, nonFinite: .text).encode(row)
      func text(_ bytes: [UInt8]) -> String {
        bytes.count > 100
          ? "\(bytes.count):" + Digest.sha256(bytes.raw).hex.prefix(16)
          : bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
      }
      lines.append("\(name) \(text(bytes)) \(json.bytes.count > 100 ? text(json.bytes) : json.description)")
    }
    try add("count", 300) { _, _ in Count() }
    try add("integers", 3) { index, _ in Sum(index - 1000) }
    try add("decimals", 3) { index, _ in Sum(DecimalNumber(index) - (DecimalNumber("0.25") ?? 0)) }
    try add("doubles", 3) { index, _ in Sum(Double(index) / 10) }
    try add("min", 3) { index, _ in Min(Double(index) - 1) }
    try add("max", 3) { index, _ in Max("value \(index)") }
    try add("stats", 3) { index, _ in Stats(Double(index) / 10) }
    try add("average", 3) { index, _ in Average(Double(index) / 10) }
    try add("first", 3) { index, when in First(index, when) }
    try add("last", 3) { index, when in Last("value \(index)", when) }
    try add("top", 5) { index, when in Top<2, Double>(Double(index * 3 % 5), when) }
    try add("ranked", 5) { index, when in Top<1, Ranked<Int, String>>(Ranked(by: index, "item"), when) }
    try add("recent", 5) { index, when in Recent<2, String>("value \(index)", when) }
    try add("distinct 3", 3) { index, _ in Distinct("value \(index)") }
    try add("distinct 500", 500) { index, _ in Distinct(index) }
    try add("distinct 3000", 3000) { index, _ in Distinct(index) }
    try add("quantiles 1", 1) { index, _ in Quantiles(1.5) }
    try add("quantiles 3", 3) { index, _ in Quantiles(Double(index - 1)) }
    try add("quantiles 500", 500) { index, _ in Quantiles(Double((index - 100) * (index + 7)) / 3) }
    return lines
  }

  @Test func `of every reducer are what they have always been`() throws {
    let lines = try Self.golden()
    #expect(lines.joined(separator: "\n") == Self.expected)
  }

  /// Each process hashes with another seed, so an order of a Set or a Dictionary that showed would differ.
  @Test func `are the same in a process with another hash seed`() async throws {
    var outputs: [(seed: String, lines: [String])] = []
    for _ in 0..<2 {
      let result = try #require(
        await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
          print("\n>seed \("any".hashValue)")
          for line in try Self.golden() { print(">\(line)") }
          print("")
        })
      let lines = String(decoding: result.standardOutputContent, as: UTF8.self).split(separator: "\n").filter { $0.first == ">" }
        .map { String($0.dropFirst()) }
      outputs.append((try #require(lines.first), [String](lines.dropFirst())))
    }
    let here = try Self.golden()
    #expect(outputs.map(\.lines) == [here, here])
    #expect(Set(outputs.map(\.seed)).count == 2 || "any".hashValue == Int(outputs[0].seed.dropFirst(5)), "hashing is not seeded here")
  }

  static let expected = #"""
    count d804 300
    integers e92e -2997
    decimals 040219 2.25
    doubles 3fd3333333333334 0.30000000000000004
    min bff0000000000000 -1
    max 0776616c75652032 "value 2"
    stats 063fd333333333333400000000000000003fc999999999999a {"count":3,"max":0.2,"min":0,"sum":0.30000000000000004}
    average 063fd3333333333334 [3,0.30000000000000004]
    first 000000000000000000000000000000050000000000000000000000000000000000 [0,"00000000000000000000000005",0]
    last 00000000000200000000000000000005000000000000000000000000000000020776616c75652032 ["value 2","0000000002000000000000\#
    0005",2]
    top 02000000000001000000000000000000050000000000000000000000000000000340100000000000000000000000020000000000000000000500\#
    0000000000000000000000000000014008000000000000 [[4,"00000000010000000000000005",3],[3,"00000000020000000000000005",1]]
    ranked 01000000000003000000000000000000050000000000000000000000000000000408046974656d [[{"by":4,"item":"item"},"00000000\#
    030000000000000005",4]]
    recent 0200000000000400000000000000000005000000000000000000000000000000020776616c756520320000000000030000000000000000000\#
    5000000000000000000000000000000040776616c75652034 [["value 2","00000000040000000000000005",2],["value 4","00000000030000\#
    000000000005",4]]
    distinct 3 0003dedc890afc8deb0ca8c1ff07 "00z9kI3<fu(Ko-d@%5"
    distinct 500 1448:2880529b131bcaef 1812:17aa18c256dd1933
    distinct 3000 2051:5344f7c59463d85a 2566:30cdd3665f2cca22
    quantiles 1 013ff8000000000000 "0yctV0000000"
    quantiles 3 03bff00000000000003ff000000000000001010001010001 "1hBs90000006/@M00000009920rAf3"
    quantiles 500 415:e63ae9246a53e8ff 521:8af587b156117c1c
    """#
}
