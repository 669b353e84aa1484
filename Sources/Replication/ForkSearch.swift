internal import EventModel

/// Looks for a place at which two logs of one origin still agree, as a value: it asks for n−1, n−2, n−4, … records of them, so that what
/// is sent afterwards is at most twice as much as what differs.
struct ForkSearch: Hashable, Sendable {
  /// Here they differ: at the length of the log that loses, at first.
  private var differs: UInt64
  private var step: UInt64 = 1
  /// A place at which they agree; nil: none was found yet.
  private(set) var agreed: UInt64?

  init(_ n: UInt64) {
    differs = n
    if n <= 1 { agreed = 0 }
  }

  /// Where to compare next; 0 when nothing is left to be asked: before the first record all logs agree.
  var place: UInt64 { agreed ?? differs - min(step, differs) }

  /// Takes in whether they agree at `place`.
  mutating func compared(agree: Bool) {
    let place = place
    if agree {
      agreed = place
    } else {
      (differs, step) = (place, step * 2)
      if self.place == 0 { agreed = 0 }
    }
  }
}
