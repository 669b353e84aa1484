import EventModel
import EventStore

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

// `unsafe` in this file: a read into an array that is as long as what is asked for.

/// Finds out whether a data file was cut short, before it is mapped: LMDB doesn't look, and a read of a page that isn't there ends the
/// process (SIGBUS).
///
/// A file may rightly be shorter than its meta page says: pages at its end that were taken and given back in one transaction are not
/// written. So of one that is shorter all trees are walked, and each page that they name must be there.
///
/// What it reads (lmdb 0.9, the machine's byte order; offsets in bytes):
///
/// | | |
/// | --- | --- |
/// | page | flags 10 (2) (1: branch, 2: leaf), end of the pointers 12 (2), pointers to nodes from 16 on (2 each) |
/// | meta page, 0 and 1 | magic 16 (4), page size 40 (4), root of the free list 80 (8), root of the tables 128 (8), last page 136 (8), transaction 144 (8) |
/// | node | low 0 (2), high 2 (2), flags 4 (2), length of the key 6 (2), key, value; a branch's page number is low ‖ high ‖ flags |
/// | leaf's node | length of the value low ‖ high; flags 1: the value is the number (8) of the first of its own pages, 2: of a table, whose root is at 40 (8) |
struct PageWalk {
  private static let magic: UInt32 = 0xBEEF_C0DE
  private static let metaBytes = 152
  private static let headerBytes = 16
  private static let nodeBytes = 8

  private let path: String
  private let file: Int32
  /// Whole pages that are there.
  private let pages: UInt64
  private let pageBytes: Int
  private var waiting: [UInt64] = []
  private var seen: UInt64 = 0

  /// - Throws: `damaged` if a page is missing; what the file system throws. What LMDB finds by itself is left to it.
  static func check(_ path: String) throws(StoreError) {
    let file = try FileSystem.descriptor(path, O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    let bytes = try FileSystem.fileBytes(path)
    guard let first = try read(metaBytes, at: 0, file, path), first.raw.native(at: 16, as: UInt32.self) == magic else { return }
    let pageBytes = Int(first.raw.native(at: 40, as: UInt32.self))
    guard (512...65536).contains(pageBytes), let second = try read(metaBytes, at: UInt64(pageBytes), file, path) else { return }
    let meta = first.raw.native(at: 144, as: UInt64.self) > second.raw.native(at: 144, as: UInt64.self) ? first : second
    let pages = bytes / UInt64(pageBytes)
    if pages > meta.raw.native(at: 136, as: UInt64.self) { return }
    var walk = PageWalk(path: path, file: file, pages: pages, pageBytes: pageBytes)
    try walk.run(from: [meta.raw.native(at: 80), meta.raw.native(at: 128)])
  }

  private init(path: String, file: Int32, pages: UInt64, pageBytes: Int) {
    (self.path, self.file, self.pages, self.pageBytes) = (path, file, pages, pageBytes)
  }

  private mutating func run(from roots: [UInt64]) throws(StoreError) {
    for root in roots { add(root) }
    while let number = waiting.popLast() {
      seen += 1
      // A circle would have no end.
      guard seen <= pages else { throw damaged("its pages name each other") }
      try need(number, 1)
      guard let page = try Self.read(pageBytes, at: number * UInt64(pageBytes), file, path) else { throw missing(number) }
      try visit(page.raw, number)
    }
  }

  /// All ones: an empty tree.
  private mutating func add(_ root: UInt64) { if root != .max { waiting.append(root) } }

  private mutating func visit(_ page: RawSpan, _ number: UInt64) throws(StoreError) {
    let flags: UInt16 = page.native(at: 10)
    let end = Int(page.native(at: 12, as: UInt16.self))
    guard flags & 3 == 1 || flags & 3 == 2, end >= Self.headerBytes, end <= pageBytes else {
      throw damaged("page \(number) is none of a tree")
    }
    for pointer in stride(from: Self.headerBytes, to: end - 1, by: 2) {
      let at = Int(page.native(at: pointer, as: UInt16.self))
      guard at >= end, at + Self.nodeBytes <= pageBytes else { throw damaged("page \(number) has a node outside of it") }
      try visit(page, node: at, isBranch: flags & 1 != 0, number)
    }
  }

  private mutating func visit(_ page: RawSpan, node at: Int, isBranch: Bool, _ number: UInt64) throws(StoreError) {
    let length = UInt64(page.native(at: at, as: UInt16.self)) | UInt64(page.native(at: at + 2, as: UInt16.self)) << 16
    let flags: UInt16 = page.native(at: at + 4)
    if isBranch { return waiting.append(length | UInt64(flags) << 32) }
    let value = at + Self.nodeBytes + Int(page.native(at: at + 6, as: UInt16.self))
    if flags & 1 != 0 {
      guard value + 8 <= pageBytes else { throw damaged("page \(number) has a node outside of it") }
      let size = UInt64(pageBytes)
      try need(page.native(at: value), (UInt64(Self.headerBytes) - 1 + length) / size + 1)
    } else if flags & 2 != 0 {
      guard value + 48 <= pageBytes else { throw damaged("page \(number) has a node outside of it") }
      add(page.native(at: value + 40))
    }
  }

  private func need(_ first: UInt64, _ count: UInt64) throws(StoreError) {
    guard first < pages, count <= pages - first else { throw missing(first) }
  }

  private func missing(_ number: UInt64) -> StoreError { damaged("it ends after \(pages) pages, and page \(number) is in use") }

  private func damaged(_ what: String) -> StoreError { StoreError(.damaged, "\(path) is cut short or damaged: \(what)") }

  /// So many bytes; nil if the file ends before.
  private static func read(_ count: Int, at offset: UInt64, _ file: Int32, _ path: String) throws(StoreError) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let start = off_t(offset) + off_t(done)
      let got = unsafe bytes.withUnsafeMutableBytes { unsafe pread(file, $0.baseAddress.map { unsafe $0 + done }, count - done, start) }
      if got < 0 {
        if errno == EINTR { continue }
        throw LMDBCode(errno).error("read", path)
      }
      if got == 0 { return nil }
      done += got
    }
    return bytes
  }
}

extension RawSpan {
  /// An integer in the machine's byte order.
  fileprivate func native<I: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: I.Type = I.self) -> I {
    I(bigEndian: bigEndian(at: offset))
  }
}
