import EventModel
import EventStore
import Foundation
import LMDBStore

/// A new folder that is removed with the object.
final class TemporaryFolder: Sendable {
  let path: String

  /// - Parameter inMemory: where the system has such a place; for many flushes that are not what is tested.
  init(inMemory: Bool = false) {
    let memory = "/dev/shm"
    let above = inMemory && FileManager.default.isWritableFile(atPath: memory) ? memory + "/" : NSTemporaryDirectory()
    path = above + "lmdb-store-" + UUID().uuidString
    do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch { fatalError("\(error)") }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

extension StoreReader where Self: ~Copyable {
  func text(_ key: String, from table: Table = .log) throws(StoreError) -> String? {
    guard let value = try get(table, Array(key.utf8).raw) else { return nil }
    return String(decoding: [UInt8](copying: value), as: UTF8.self)
  }
}

extension EventStore {
  /// Puts rows in one transaction.
  func put(_ rows: [(String, String)], into table: Table = .log) throws(StoreError) {
    try write(WriteSize(bytes: rows.count * 64, events: rows.count)) { (transaction) throws(StoreError) in
      for (key, value) in rows { try transaction.put(table, Array(key.utf8).raw, Array(value.utf8).raw) }
    }
  }

  func get(_ key: String, from table: Table = .log) throws(StoreError) -> String? {
    try read { (transaction) throws(StoreError) in try transaction.text(key, from: table) }
  }

  /// All rows of a table in order.
  func rows(_ table: Table = .log) throws(StoreError) -> [[String]] {
    try read { (transaction) throws(StoreError) in
      let cursor = try transaction.cursor(table)
      var rows: [[String]] = []
      while try cursor.next() {
        rows.append([
          String(decoding: [UInt8](copying: cursor.key), as: UTF8.self), String(decoding: [UInt8](copying: cursor.value), as: UTF8.self),
        ])
      }
      return rows
    }
  }
}

/// The code of the error that `body` throws, or nil.
func errorCode(_ body: () throws -> Void) -> StoreError.Code? {
  do {
    try body()
    return nil
  } catch {
    return (error as? StoreError)?.code
  }
}
