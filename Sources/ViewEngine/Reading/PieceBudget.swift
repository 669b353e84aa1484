import EventStore

/// What a piece of a page may still take, so that no transaction is long and no piece is large.
struct PieceBudget {
  /// Rows to be passed over first.
  private(set) var skip: Int
  /// Rows to hand out.
  private(set) var left: Int
  private var bytesLeft: Int
  private var stepsLeft: Int
  /// Rows handed out.
  private(set) var count = 0

  /// - Parameter left: nil: no limit but the bytes.
  init(skip: Int, left: Int?, bytesMax: Int, stepsMax: Int) {
    (self.skip, self.left, bytesLeft, stepsLeft) = (skip, left ?? .max, bytesMax, stepsMax)
  }

  /// Whether no more rows may be handed out; one may always.
  var isFull: Bool { count > 0 && (left == 0 || bytesLeft <= 0) }

  /// Whether enough work was done.
  var isSpent: Bool { stepsLeft <= 0 }

  /// Counts work: 1 for a row that is read, more for one that is computed.
  mutating func spend(_ steps: Int) { stepsLeft -= steps }

  /// Hands out a row, or skips it.
  /// - Parameter write: answers how many bytes it took.
  /// - Returns: false, if it was too much: the page goes on with this one.
  mutating func offer(_ write: () throws(StoreError) -> Int) throws(StoreError) -> Bool {
    if isFull { return false }
    if skip > 0 {
      skip -= 1
      return true
    }
    bytesLeft -= try write()
    (count, left) = (count + 1, left - 1)
    return true
  }
}
