/// How a list is written.
package enum ListForm: Sendable {
  /// The elements of a JSON array.
  case array
  /// An element a line.
  case lines
}

/// Writes a list piece by piece. A piece is read in one short transaction of the store, and none is held between pieces, so a
/// slow client pins nothing.
package protocol ListPieces {
  /// Appends the next piece, about `pieceBytes` of it, without what stands around the list.
  /// - Returns: whether there is more.
  mutating func writePiece(to sink: inout some ByteSink) throws(LaterbaseError) -> Bool
}

extension ListPieces {
  /// What one transaction reads.
  package static var pieceBytes: Int { 256 << 10 }
}
