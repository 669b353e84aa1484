import EventModel
import ViewEngine

/// What was handed out of a view's rows, so that one whose value came out the same isn't handed out again. It remembers digests, and those
/// of so many keys at most: beyond that it forgets all, and a row may come twice; never is one left out.
struct SentRows: Sendable {
  static let keysMax = 4096

  /// By the digest of a key that of its row.
  private var digests: [UInt128: UInt128] = [:]

  /// Those of the rows that are not what was handed out last under their keys.
  mutating func takeChanged(_ rows: [ViewRows.Row]) -> [[UInt8]] {
    var changed: [[UInt8]] = []
    for row in rows {
      let (key, digest) = (Digest.sha256(row.key.raw).first16, Digest.sha256(row.json.raw).first16)
      if digests.count >= Self.keysMax, digests[key] == nil { digests.removeAll(keepingCapacity: true) }
      if digests.updateValue(digest, forKey: key) != digest { changed.append(row.json) }
    }
    return changed
  }
}
