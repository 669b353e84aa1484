/// Where a value's normal form is to be found once it has been scanned. Nothing is copied before the whole text is known to be good.
struct JSONValue {
  enum Form: UInt8 {
    /// Bytes of the input, which are in normal form already.
    case input
    /// Bytes of the tape's scratch space.
    case scratch
    /// An object or an array whose pieces are a range of the tape's closed ones.
    case object, array
  }

  var form: Form
  var from: UInt32
  var to: UInt32

  @inline(__always) init(_ form: Form, _ range: Range<Int>) {
    self.form = form
    from = UInt32(truncatingIfNeeded: range.lowerBound)
    to = UInt32(truncatingIfNeeded: range.upperBound)
  }

  var range: Range<Int> { Int(from)..<Int(to) }
}

/// A member of an object, or some neighbouring elements of an array.
struct JSONPiece {
  /// The name's first eight bytes, unescaped, the first in the highest bits, then zeros: most comparisons end here.
  var prefix: UInt64 = 0
  /// The unescaped name: in the input, or in the scratch space, where its offset in the input (4 bytes) precedes it and its text follows.
  var name: UInt32 = 0
  var nameBytes: UInt32 = 0
  /// How long the text in the scratch space is; 0: the name is in the input, and its text is it and the quotes around it.
  var textBytes: UInt32 = 0
  var value: JSONValue

  /// An array's elements.
  @inline(__always) init(_ value: JSONValue) { self.value = value }

  /// A member; its value is set when that has been scanned.
  @inline(__always) init(prefix: UInt64, name: Int, nameBytes: Int, textBytes: Int) {
    self.prefix = prefix
    self.name = UInt32(truncatingIfNeeded: name)
    self.nameBytes = UInt32(truncatingIfNeeded: nameBytes)
    self.textBytes = UInt32(truncatingIfNeeded: textBytes)
    value = JSONValue(.input, 0..<0)
  }

  var nameRange: Range<Int> { Int(name)..<Int(name) + Int(nameBytes) }
  /// The name's text, quotes included: in the scratch space if `textBytes` > 0, else in the input.
  var textRange: Range<Int> {
    textBytes > 0 ? nameRange.upperBound..<nameRange.upperBound + Int(textBytes) : nameRange.lowerBound - 1..<nameRange.upperBound + 1
  }
}

/// The order of members: by UTF-16 code units, read off UTF-8. The two orders differ in one thing: U+10000 and above, whose first
/// UTF-8 bytes are F0…F4, come before U+E000…U+FFFF, whose first bytes are EE and EF, as surrogates are D800…DFFF.
struct JSONNames: ~Escapable {
  let input: RawSpan
  let scratch: RawSpan

  @_lifetime(copy input, copy scratch)
  init(input: RawSpan, scratch: RawSpan) {
    self.input = input
    self.scratch = scratch
  }

  /// Below 0, 0 or above 0, as `a`'s name is before, equal to or behind `b`'s.
  @inline(__always) func compare(_ a: JSONPiece, _ b: JSONPiece) -> Int {
    if a.prefix == b.prefix { return compareTails(a, b) }
    let shift = UInt64((a.prefix ^ b.prefix).leadingZeroBitCount & ~7)
    return Self.compare(UInt8(truncatingIfNeeded: (a.prefix &<< shift) &>> 56), UInt8(truncatingIfNeeded: (b.prefix &<< shift) &>> 56))
  }

  /// Compares the first bytes that differ, or a byte with the 0 after a name's end.
  @inline(__always) static func compare(_ a: UInt8, _ b: UInt8) -> Int {
    func rank(_ byte: UInt8) -> Int { byte < 0xEE ? Int(byte) : byte < 0xF0 ? Int(byte) + 5 : Int(byte) - 2 }
    return rank(a) - rank(b)
  }

  private func compareTails(_ a: JSONPiece, _ b: JSONPiece) -> Int {
    let left = name(of: a)
    let right = name(of: b)
    let common = min(left.byteCount, right.byteCount)
    var at = min(8, common)
    while at < common, left[at] == right[at] { at += 1 }
    return at < common ? Self.compare(left[at], right[at]) : left.byteCount - right.byteCount
  }

  /// The unescaped bytes of a member's name.
  @_lifetime(copy self)
  func name(of piece: JSONPiece) -> RawSpan {
    piece.textBytes > 0 ? scratch.extracting(piece.nameRange) : input.extracting(piece.nameRange)
  }

  /// Where the member stands in the input.
  func offset(of piece: JSONPiece) -> Int {
    piece.textBytes > 0 ? Int(scratch.bigEndian(at: Int(piece.name) - 4, as: UInt32.self)) : Int(piece.name) - 1
  }

  /// Sorts the members from `start` on by name.
  ///
  /// - Parameter pieces: the members in the order of the input.
  /// - Returns: the offset of the first name that repeats another, if one does.
  /// - Complexity: O(n log n) comparisons and no allocation: insertion for few, else a heap (Williams and Floyd, 1964).
  func sort(_ pieces: inout MutableSpan<JSONPiece>, from start: Int) -> Int? {
    pieces.count - start > 24 ? heapSort(&pieces, from: start) : insertionSort(&pieces, from: start)
  }

  private func insertionSort(_ pieces: inout MutableSpan<JSONPiece>, from start: Int) -> Int? {
    for sorted in start + 1..<pieces.count {
      let piece = pieces[sorted]
      var at = sorted
      while at > start {
        let order = compare(piece, pieces[at &- 1])
        if order == 0 { return offset(of: piece) }
        if order > 0 { break }
        pieces[at] = pieces[at &- 1]
        at &-= 1
      }
      pieces[at] = piece
    }
    return nil
  }

  private func heapSort(_ pieces: inout MutableSpan<JSONPiece>, from start: Int) -> Int? {
    let count = pieces.count - start
    for index in stride(from: count / 2 - 1, through: 0, by: -1) { sink(index, below: count, &pieces, from: start) }
    for end in stride(from: count - 1, to: 0, by: -1) {
      pieces.swapAt(start, start + end)
      sink(0, below: end, &pieces, from: start)
    }
    var repeated: Int?
    for index in start + 1..<pieces.count where compare(pieces[index - 1], pieces[index]) == 0 {
      repeated = min(repeated ?? .max, offset(of: pieces[index]))
    }
    return repeated
  }

  /// Restores the heap of the first `end` members below `index`. The heap's node i has the children 2i + 1 and 2i + 2.
  private func sink(_ index: Int, below end: Int, _ pieces: inout MutableSpan<JSONPiece>, from start: Int) {
    let piece = pieces[start + index]
    var hole = index
    while 2 * hole + 1 < end {
      var child = 2 * hole + 1
      if child + 1 < end, precedes(pieces[start + child], pieces[start + child + 1]) { child += 1 }
      guard precedes(piece, pieces[start + child]) else { break }
      pieces[start + hole] = pieces[start + child]
      hole = child
    }
    pieces[start + hole] = piece
  }

  /// Equal names, which are an error, stay in the order of the input, so that the error can name the second.
  private func precedes(_ a: JSONPiece, _ b: JSONPiece) -> Bool {
    let order = compare(a, b)
    return order < 0 || order == 0 && offset(of: a) < offset(of: b)
  }
}
