import EventModel
import EventStore
import Foundation
import LMDBStore
import Testing

/// A small disk of its own, where this process may mount one.
final class SmallDisk: Sendable {
  let path: String

  /// Nil where a mount is refused.
  init?(megabytes: Int) {
    path = NSTemporaryDirectory() + "lmdb-disk-" + UUID().uuidString
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    guard Self.run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path) else {
      try? FileManager.default.removeItem(atPath: path)
      return nil
    }
  }

  deinit {
    _ = Self.run("umount", "-l", path)
    try? FileManager.default.removeItem(atPath: path)
  }

  static let isPossible = SmallDisk(megabytes: 1) != nil

  private static func run(_ words: String...) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}

/// The order in which folders reach the disk can't be tested here: that needs a disk which loses power.
@Suite(.enabled(if: SmallDisk.isPossible, "needs a tmpfs of its own: root on Linux")) struct `A full disk` {
  let disk: SmallDisk

  init() throws { disk = try #require(SmallDisk(megabytes: 32)) }

  private func fill(megabytes: Int, as name: String) throws {
    try Data(repeating: 1, count: megabytes << 20).write(to: URL(fileURLWithPath: disk.path + "/" + name))
  }

  /// Gives the room back. Removing the file would not be enough: a process that another test starts may have it open.
  private func empty(_ name: String) throws { try fill(megabytes: 0, as: name) }

  @Test func `refuses writes before they are tried, serves reads, and takes writes once there is room`() throws {
    let store = try LMDBEventStore(folder: disk.path + "/a")
    defer { store.close() }
    try store.put([("a", "1")])
    try fill(megabytes: 25, as: "ballast")
    var wasTried = false
    let code = errorCode { try store.write(WriteSize(bytes: 1, events: 1)) { (_) throws(StoreError) in wasTried = true } }
    #expect(code == .diskFull)
    #expect(!wasTried)
    #expect(try store.get("a") == "1")
    try empty("ballast")
    try store.put([("b", "2")])
    #expect(try store.rows() == [["a", "1"], ["b", "2"]])
    let large = errorCode { try store.write(WriteSize(bytes: 12 << 20, events: 1)) { (_) throws(StoreError) in wasTried = true } }
    #expect(large == .diskFull && !wasTried, "8 MiB and twice the bytes are needed")
    let many = errorCode { try store.write(WriteSize(bytes: 0, events: 4000)) { (_) throws(StoreError) in wasTried = true } }
    #expect(many == .diskFull && !wasTried, "and 8 KiB an event")
  }

  @Test func `undoes a transaction that turns out too large for it`() throws {
    let store = try LMDBEventStore(folder: disk.path + "/a")
    try store.put([("a", "1")])
    try fill(megabytes: 10, as: "ballast")
    let value = [UInt8](repeating: 1, count: 1 << 20)
    for _ in 0..<2 {
      // The size is understated, so that the disk fills in the middle of it.
      let code = errorCode {
        try store.write(WriteSize(bytes: 1, events: 1)) { (transaction) throws(StoreError) in
          for row in 0..<40 { try transaction.put(.log, [UInt8(row)].raw, value.raw) }
        }
      }
      #expect(code == .diskFull)
      #expect(try store.rows() == [["a", "1"]])
      let text = "\(store.generation)"
      #expect(text == "1", "LMDB can go on by itself")
    }
    try empty("ballast")
    try store.put([("b", "2")])
    store.close()
    let again = try LMDBEventStore(folder: disk.path + "/a")
    #expect(try again.rows() == [["a", "1"], ["b", "2"]])
    again.close()
  }

  @Test func `keeps the old start mark when there is no room for a new one`() throws {
    let store = try LMDBEventStore(folder: disk.path + "/a")
    defer { store.close() }
    try store.setStartMark([1, 2, 3])
    try? fill(megabytes: 31, as: "ballast")
    for name in 0..<600 { try? Data(repeating: 1, count: 4096).write(to: URL(fileURLWithPath: disk.path + "/b\(name)")) }
    #expect(errorCode { try store.setStartMark([4, 5, 6]) } == .diskFull)
    #expect(try store.startMark() == [1, 2, 3])
  }
}

/// Faults of the device, made by putting `/dev/full` behind LMDB's descriptors: it refuses every write.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/fdinfo") && FileManager.default.fileExists(atPath: "/dev/full")))
struct `A failing disk` {
  let folder = TemporaryFolder()

  /// LMDB's descriptors of the data file: one for pages, and one that flushes each write (`O_DSYNC`), for the meta page.
  private func descriptor(flushing: Bool) throws -> Int32 {
    for entry in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
      guard let file = Int32(entry), let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(entry)")
      else {
        continue
      }
      if target == folder.path + "/data.mdb" && (fcntl(file, F_GETFL) & O_DSYNC != 0) == flushing { return file }
    }
    throw StoreError(.storage, "no such descriptor")
  }

  private func breakWrites(flushing: Bool) throws {
    let full = unsafe open("/dev/full", O_RDWR)
    let target = try descriptor(flushing: flushing)
    #expect(dup2(full, target) == target)
    close(full)
  }

  @Test func `in a commit's last step leaves the outcome unknown, and the file is opened anew`() throws {
    let store = try LMDBEventStore(folder: folder.path)
    defer { store.close() }
    try store.put([("a", "1")])
    let generation = store.generation
    try breakWrites(flushing: true)
    #expect(errorCode { try store.put([("b", "2")]) } == .outcomeUnknown)
    #expect(store.generation == generation + 1)
    #expect(try store.get("a") == "1")
    try store.put([("c", "3")])
    #expect(try store.get("c") == "3")
  }

  @Test func `in any step before undoes the transaction`() throws {
    let store = try LMDBEventStore(folder: folder.path)
    try store.put([("a", "1")])
    let generation = store.generation
    try breakWrites(flushing: false)
    #expect(errorCode { try store.put([("b", "2")]) } == .diskFull, "/dev/full says ENOSPC")
    #expect(try store.rows() == [["a", "1"]])
    #expect(store.generation == generation)
    store.close()
    let again = try LMDBEventStore(folder: folder.path)
    #expect(try again.rows() == [["a", "1"]])
    try again.put([("b", "2")])
    again.close()
  }
}
