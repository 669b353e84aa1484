import EventModel

/// A clock on the wire: what of it differs from a base that the other side has too. So level peers say next to nothing, whatever the
/// number of origins.
///
/// count (LEB128) ‖ entries by rising origin: origin (8) ‖ n (LEB128) ‖ digest (8), which n = 0 has not: the base has the origin and this
/// clock doesn't. LEB128 in its shortest form.
enum ClockDifference {
  /// Appends what of `clock` differs from `base`. O(origins).
  static func write(_ clock: Clock, since base: Clock, to bytes: inout [UInt8]) {
    let entries = entries(clock, since: base)
    bytes.append(leb128: UInt64(entries.count))
    for entry in entries {
      bytes.appendBigEndian(entry.origin.value)
      bytes.append(leb128: entry.n)
      if entry.n > 0 { bytes.appendBigEndian(entry.digest) }
    }
  }

  /// Reads a clock by its difference from `base`, and moves `at` behind it; nil for any but the one form.
  static func read(_ bytes: RawSpan, at: inout Int, since base: Clock) -> Clock? {
    let end = bytes.byteCount
    // An entry has 9 bytes or more, so a count that is too great ends before anything is allocated for it.
    guard let count = bytes.leb128(at: &at, end: end), count <= UInt64(end - at) / 9 else { return nil }
    var changed: [Clock.Entry] = []
    changed.reserveCapacity(Int(count))
    for _ in 0..<count {
      guard at + 8 <= end else { return nil }
      let origin = Origin(value: bytes.bigEndian(at: at))
      at += 8
      if let last = changed.last, last.origin >= origin { return nil }
      guard let n = bytes.leb128(at: &at, end: end) else { return nil }
      guard n > 0 else {
        changed.append(Clock.Entry(origin: origin, n: 0, digest: 0))
        continue
      }
      guard at + 8 <= end else { return nil }
      changed.append(Clock.Entry(origin: origin, n: n, digest: bytes.bigEndian(at: at)))
      at += 8
    }
    return merged(base, changed)
  }

  private static func entries(_ clock: Clock, since base: Clock) -> [Clock.Entry] {
    var changed: [Clock.Entry] = []
    var known = base.entries[...]
    for entry in clock.entries {
      while let gone = known.first, gone.origin < entry.origin {
        changed.append(Clock.Entry(origin: gone.origin, n: 0, digest: 0))
        known.removeFirst()
      }
      if let same = known.first, same.origin == entry.origin {
        known.removeFirst()
        if same == entry { continue }
      }
      changed.append(entry)
    }
    return changed + known.map { Clock.Entry(origin: $0.origin, n: 0, digest: 0) }
  }

  private static func merged(_ base: Clock, _ changed: [Clock.Entry]) -> Clock {
    if base.isEmpty { return Clock(changed) }
    var entries: [Clock.Entry] = []
    entries.reserveCapacity(base.entries.count + changed.count)
    var changes = changed[...]
    for entry in base.entries {
      while let change = changes.first, change.origin < entry.origin { entries.append(changes.removeFirst()) }
      if let change = changes.first, change.origin == entry.origin {
        entries.append(change)
        changes.removeFirst()
      } else {
        entries.append(entry)
      }
    }
    return Clock(entries + changes)
  }
}
