package import EventStore

/// What a node keeps in its data folder beside the databases, with the same care.
package enum DataFolder {
  /// Inode (8) ‖ birth time, seconds (8) ‖ nanoseconds (4) of a folder or file, big-endian: what tells it from a copy.
  package static func place(_ path: String) throws(StoreError) -> [UInt8] { try FileSystem.place(path) }

  /// The whole file, or nil if it isn't there.
  package static func contents(_ path: String) throws(StoreError) -> [UInt8]? { try FileSystem.contents(path) }

  /// Puts a file in place whole: written new, flushed, renamed, the folder flushed.
  package static func replace(_ path: String, with bytes: [UInt8]) throws(StoreError) { try FileSystem.replace(path, with: bytes) }
}
