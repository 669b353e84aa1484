import EventModel

/// | form | rest |
/// | --- | --- |
/// | 0 sparse | number of entries, then by rising prefix: (prefix − the one before − 1) · 2 + (1 if a rank follows); the rank (1) |
/// | 1 dense | least rank (1); 4 096 × (rank − least, 15 or more as 15) (4 bits); number of those, then each: index − the one before − 1; rank (1) |
/// | 2 dense | 4 096 × rank (6 bits): where form 1 would be longer |
///
/// Numbers are unsigned LEB128; bits run from the highest of each byte down. Form 1 takes 2 051 bytes and 2 to 3 for every rank that is
/// 15 or more above the least, of which there are few; at most 3 073 bytes in any case.
extension Distinct: Compact {
  private enum Form {
    static let sparse: UInt8 = 0
    static let nibbles: UInt8 = 1
    static let whole: UInt8 = 2
  }
  private static let wholeBytes = registerCount / 4 * 3

  public func write(to bytes: inout [UInt8]) {
    switch content {
    case .sparse(let entries): Self.write(sparse: entries, to: &bytes)
    case .dense(let registers):
      let start = bytes.count
      Self.write(nibblesOf: registers, to: &bytes)
      guard bytes.count - start > Self.wholeBytes + 1 else { return }
      bytes.removeSubrange(start...)
      Self.write(wholeOf: registers, to: &bytes)
    }
  }

  public init(from bytes: inout ArraySlice<UInt8>) throws {
    switch try bytes.takeBigEndian(UInt8.self) {
    case Form.sparse: content = .sparse(try Self.takeSparse(&bytes))
    case Form.nibbles: content = .dense(try Self.takeNibbles(&bytes))
    case Form.whole: content = .dense(try Self.takeWhole(&bytes))
    default: throw CompactError()
    }
  }

  private static func write(sparse entries: [UInt32], to bytes: inout [UInt8]) {
    bytes.append(Form.sparse)
    bytes.appendVariable(UInt128(entries.count))
    var next: UInt32 = 0
    for entry in entries {
      let prefix = entry >> 6
      bytes.appendVariable(UInt128((prefix - next) << 1 | (needsRank(prefix) ? 1 : 0)))
      if needsRank(prefix) { bytes.append(UInt8(entry & 63)) }
      next = prefix + 1
    }
  }

  private static func takeSparse(_ bytes: inout ArraySlice<UInt8>) throws(CompactError) -> [UInt32] {
    let count = try bytes.takeVariable()
    guard count >= 1, count <= sparseMax else { throw CompactError() }
    var entries: [UInt32] = []
    entries.reserveCapacity(Int(count))
    var next: UInt128 = 0
    for _ in 0..<count {
      let step = try bytes.takeVariable()
      let prefix = step >> 1 + next
      guard step < 1 << 27, prefix < 1 << UInt128(sparsePrecision), needsRank(UInt32(prefix)) == (step & 1 == 1) else {
        throw CompactError()
      }
      let rank = step & 1 == 1 ? try bytes.takeBigEndian(UInt8.self) : 0
      guard rank <= 64 - sparsePrecision + 1, (rank > 0) == (step & 1 == 1) else { throw CompactError() }
      entries.append(UInt32(prefix) << 6 | UInt32(rank))
      next = prefix + 1
    }
    return entries
  }

  private static func write(nibblesOf registers: [UInt8], to bytes: inout [UInt8]) {
    let least = registers.min() ?? 0
    bytes.append(Form.nibbles)
    bytes.append(least)
    for at in stride(from: 0, to: registers.count, by: 2) {
      bytes.append(min(registers[at] - least, 15) << 4 | min(registers[at + 1] - least, 15))
    }
    let high = registers.indices.filter { registers[$0] - least >= 15 }
    bytes.appendVariable(UInt128(high.count))
    var next = 0
    for index in high {
      bytes.appendVariable(UInt128(index - next))
      bytes.append(registers[index])
      next = index + 1
    }
  }

  private static func takeNibbles(_ bytes: inout ArraySlice<UInt8>) throws(CompactError) -> [UInt8] {
    let least: UInt8 = try bytes.takeBigEndian()
    guard least <= rankMax else { throw CompactError() }
    var registers: [UInt8] = []
    registers.reserveCapacity(registerCount)
    for pair in try bytes.take(registerCount / 2) {
      registers.append(least + pair >> 4)
      registers.append(least + pair & 15)
    }
    guard try bytes.takeVariable() == registers.count(where: { $0 == least + 15 }) else { throw CompactError() }
    var next = 0
    while let index = registers[next...].firstIndex(of: least + 15) {
      let (gap, rank) = (try bytes.takeVariable(), try bytes.takeBigEndian(UInt8.self))
      guard gap == index - next, rank >= least + 15 else { throw CompactError() }
      registers[index] = rank
      next = index + 1
    }
    guard registers.allSatisfy({ $0 <= rankMax }) else { throw CompactError() }
    return registers
  }

  private static func write(wholeOf registers: [UInt8], to bytes: inout [UInt8]) {
    bytes.append(Form.whole)
    for at in stride(from: 0, to: registers.count, by: 4) {
      let four = registers[at..<at + 4].reduce(UInt32(0)) { $0 << 6 | UInt32($1) }
      bytes.append(UInt8(truncatingIfNeeded: four >> 16))
      bytes.append(UInt8(truncatingIfNeeded: four >> 8))
      bytes.append(UInt8(truncatingIfNeeded: four))
    }
  }

  private static func takeWhole(_ bytes: inout ArraySlice<UInt8>) throws(CompactError) -> [UInt8] {
    let packed = [UInt8](try bytes.take(wholeBytes))
    var registers: [UInt8] = []
    registers.reserveCapacity(registerCount)
    for at in stride(from: 0, to: packed.count, by: 3) {
      let four = UInt32(packed[at]) << 16 | UInt32(packed[at + 1]) << 8 | UInt32(packed[at + 2])
      for shift: UInt32 in [18, 12, 6, 0] { registers.append(UInt8(four >> shift & 63)) }
    }
    guard registers.allSatisfy({ $0 <= rankMax }) else { throw CompactError() }
    return registers
  }

  public init(from decoder: any Decoder) throws { self = try decoder.sketch() }
  public func encode(to encoder: any Encoder) throws {
    if encoder.wantsStoredForm { return try encoder.encodeSketch(self) }
    var container = encoder.singleValueContainer()
    try container.encode(estimate)
  }
}
