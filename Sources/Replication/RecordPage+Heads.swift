package import EventModel
package import EventStore

extension RecordPage {
  /// The last record of each log in it, as a clock: whoever sent the page holds the log up to there. Logs of which the receiver may hold
  /// another one are left out.
  package var heads: Clock {
    var heads: [Origin: Clock.Entry] = [:]
    for entry in entries where entry.range.count >= Record.headerBytes {
      let digest: UInt64 = bytes.raw.bigEndian(at: entry.range.lowerBound + Record.Offset.chain)
      heads[entry.dot.origin] = Clock.Entry(origin: entry.dot.origin, n: entry.dot.n, digest: digest)
    }
    for fork in forks { heads[fork.origin] = nil }
    return Clock(heads.values)
  }
}
