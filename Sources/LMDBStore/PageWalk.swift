import EventModel
import EventStore

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

// `unsafe` in this file: a read into an array that is as long as what is asked for.

/// Looks at a data file's trees before it is mapped: LMDB trusts its own pages. It doesn't look whether they are all there, and a read of one
/// that isn't ends the process (SIGBUS); so does many a page that isn't what was written.
///
/// A file may rightly be shorter than its meta page says: pages at its end that were taken and given back in one transaction are not
/// written. So of one that is shorter all trees are walked, and each page that they name must be there. Of one that is as long they are walked
/// where that is asked for. Each page is in its trees once, has its own number, and nodes that lie inside of it; what keys and values say is
/// not looked at.
///
/// What it reads (lmdb 0.9, the machine's byte order; offsets in bytes):
///
/// | | |
/// | --- | --- |
/// | page | number 0 (8), flags 10 (2) (1: branch, 2: leaf, 4: a value's own), end of the pointers 12 (2), begin of the nodes 14 (2), pointers to nodes from 16 on (2 each); of a value's own: how many pages 12 (4) |
/// | meta page, 0 and 1 | magic 16 (4), page size 40 (4), root of the free list 80 (8), root of the tables 128 (8), last page 136 (8), transaction 144 (8) |
/// | node | low 0 (2), high 2 (2), flags 4 (2), length of the key 6 (2), key, value; a branch's page number is low ‖ high ‖ flags |
/// | leaf's node | length of the value low ‖ high; flags 1: the value is the number (8) of the first of its own pages, 2: of a table, whose root is at 40 (8) |
struct PageWalk {
  private static let magic: UInt32 = 0xBEEF_C0DE
  private static let metaBytes = 152
  private static let headerBytes = 16
  private static let nodeBytes = 8
  private static let isBranch: UInt16 = 1
  private static let isLeaf: UInt16 = 2
  private static let isValue: UInt16 = 4
  /// A mark in memory that says nothing on disk.
  private static let isDirty: UInt16 = 16

  private let path: String
  private let file: Int32
  /// Whole pages that are there, and that are in use.
  private let pages: UInt64
  private let pageBytes: Int
  private var waiting: [UInt64] = []
  /// A bit for each page that was met.
  private var met: [UInt64]
  /// LMDB lets a branch of one page be in the tree of its free pages, and nowhere else.
  private var branchLeast = 1

  /// - Parameter whole: walks the trees of a file that is as long as it should be, too.
  /// - Throws: `damaged` if a page is missing, or can't be one of a tree; what the file system throws. What LMDB finds by itself when it opens
  ///   the file is left to it.
  /// - Complexity: O(pages): with `whole` all pages in use are read, those of values that have their own not.
  static func check(_ path: String, whole: Bool) throws(StoreError) {
    let file = try FileSystem.descriptor(path, O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    let bytes = try FileSystem.fileBytes(path)
    var first = [UInt8](repeating: 0, count: metaBytes)
    guard try read(into: &first, at: 0, file, path), first.raw.native(at: 16, as: UInt32.self) == magic else { return }
    let pageBytes = Int(first.raw.native(at: 40, as: UInt32.self))
    var second = [UInt8](repeating: 0, count: metaBytes)
    guard (512...65536).contains(pageBytes), try read(into: &second, at: UInt64(pageBytes), file, path) else { return }
    let meta = first.raw.native(at: 144, as: UInt64.self) > second.raw.native(at: 144, as: UInt64.self) ? first : second
    let pages = bytes / UInt64(pageBytes)
    let last = meta.raw.native(at: 136, as: UInt64.self)
    if pages > last, !whole { return }
    var walk = PageWalk(path: path, file: file, pages: min(pages, last &+ 1), pageBytes: pageBytes)
    try walk.run(from: meta.raw.native(at: 80))
    walk.branchLeast = 2
    try walk.run(from: meta.raw.native(at: 128))
  }

  private init(path: String, file: Int32, pages: UInt64, pageBytes: Int) {
    (self.path, self.file, self.pages, self.pageBytes) = (path, file, pages, pageBytes)
    met = [UInt64](repeating: 0, count: Int(pages / 64 + 1))
  }

  private mutating func run(from root: UInt64) throws(StoreError) {
    var page = [UInt8](repeating: 0, count: pageBytes)
    add(root)
    while let number = waiting.popLast() {
      try meet(number, 1)
      guard try Self.read(into: &page, at: number * UInt64(pageBytes), file, path) else { throw missing(number) }
      try visit(page.raw, number)
    }
  }

  /// All ones: an empty tree.
  private mutating func add(_ root: UInt64) { if root != .max { waiting.append(root) } }

  private mutating func visit(_ page: RawSpan, _ number: UInt64) throws(StoreError) {
    let flags = page.native(at: 10, as: UInt16.self) & ~Self.isDirty
    let (end, begin) = (Int(page.native(at: 12, as: UInt16.self)), Int(page.native(at: 14, as: UInt16.self)))
    let isBranch = flags == Self.isBranch
    guard isBranch || flags == Self.isLeaf, page.native(at: 0) == number, end <= begin, begin <= pageBytes,
      end >= Self.headerBytes + 2 * (isBranch ? branchLeast : 1)
    else { throw damaged("page \(number) is none of a tree") }
    for pointer in stride(from: Self.headerBytes, to: end - 1, by: 2) {
      let at = Int(page.native(at: pointer, as: UInt16.self))
      guard at >= begin, at + Self.nodeBytes <= pageBytes else { throw outside(number) }
      try visit(page, node: at, isBranch: isBranch, number)
    }
  }

  private mutating func visit(_ page: RawSpan, node at: Int, isBranch: Bool, _ number: UInt64) throws(StoreError) {
    let length = UInt64(page.native(at: at, as: UInt16.self)) | UInt64(page.native(at: at + 2, as: UInt16.self)) << 16
    let flags: UInt16 = page.native(at: at + 4)
    let value = at + Self.nodeBytes + Int(page.native(at: at + 6, as: UInt16.self))
    guard value <= pageBytes else { throw outside(number) }
    if isBranch { return waiting.append(length | UInt64(flags) << 32) }
    let hasOwnPages = flags & 1 != 0
    guard value + (hasOwnPages ? 8 : Int(length)) <= pageBytes else { throw outside(number) }
    if hasOwnPages {
      try visit(value: page.native(at: value), (UInt64(Self.headerBytes) - 1 + length) / UInt64(pageBytes) + 1)
    } else if flags & 2 != 0 {
      guard length == 48 else { throw outside(number) }
      add(page.native(at: value + 40))
    }
  }

  /// The pages of one value: LMDB frees as many as the first of them says. These may be more than its length needs, if it was put twice in one
  /// transaction.
  private mutating func visit(value number: UInt64, _ count: UInt64) throws(StoreError) {
    guard number < pages, count <= pages - number else { throw missing(number) }
    var header = [UInt8](repeating: 0, count: Self.headerBytes)
    guard try Self.read(into: &header, at: number * UInt64(pageBytes), file, path) else { throw missing(number) }
    let bytes = header.raw
    guard bytes.native(at: 0) == number, bytes.native(at: 10, as: UInt16.self) & ~Self.isDirty == Self.isValue,
      UInt64(bytes.native(at: 12, as: UInt32.self)) >= count
    else { throw damaged("page \(number) doesn't begin a value's own pages") }
    try meet(number, UInt64(bytes.native(at: 12, as: UInt32.self)))
  }

  /// Each page is named once: else a circle would have no end, and what one tree frees another would still use.
  private mutating func meet(_ first: UInt64, _ count: UInt64) throws(StoreError) {
    guard first < pages, count <= pages - first else { throw missing(first) }
    guard first >= 2 else { throw damaged("a tree names the meta page \(first)") }
    for number in first..<first + count {
      let (word, bit) = (Int(number / 64), UInt64(1) << (number % 64))
      guard met[word] & bit == 0 else { throw damaged("page \(number) is in use twice") }
      met[word] |= bit
    }
  }

  private func missing(_ number: UInt64) -> StoreError { damaged("it ends after \(pages) pages, and page \(number) is in use") }

  private func outside(_ number: UInt64) -> StoreError { damaged("page \(number) has a node outside of it") }

  private func damaged(_ what: String) -> StoreError { StoreError(.damaged, "\(path) is cut short or damaged: \(what)") }

  /// Fills an array; false if the file ends before.
  private static func read(into bytes: inout [UInt8], at offset: UInt64, _ file: Int32, _ path: String) throws(StoreError) -> Bool {
    var done = 0
    while done < bytes.count {
      let (start, left) = (off_t(offset) + off_t(done), bytes.count - done)
      let got = unsafe bytes.withUnsafeMutableBytes { unsafe pread(file, $0.baseAddress.map { unsafe $0 + done }, left, start) }
      if got < 0 {
        if errno == EINTR { continue }
        throw LMDBCode(errno).error("read", path)
      }
      if got == 0 { return false }
      done += got
    }
    return true
  }
}

extension RawSpan {
  /// An integer in the machine's byte order.
  fileprivate func native<I: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: I.Type = I.self) -> I {
    I(bigEndian: bigEndian(at: offset))
  }
}
