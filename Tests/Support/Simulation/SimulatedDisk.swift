public import EventStore

/// A disk that a simulated node keeps its database on. Conform to try a store of your own; `MemoryDisk` is the one that comes with it.
///
/// A node that dies lets go of its store without closing it; then `cutPower`, and another process opens it.
public protocol SimulatedDisk: AnyObject, Sendable {
  /// Opens the store, as a process that starts. Nobody else has it open.
  func open() throws(StoreError) -> any EventStore
  /// All processes are dead: what was not flushed is gone.
  func cutPower()
  /// A copy of what is there, while a process may have it open: a backup.
  func image() throws(StoreError) -> any DiskImage
  /// Puts a backup there, no process has it open.
  /// - Parameter asSameFile: the file is the one that it was, to whoever asks the file system: a whole disk was set back. Otherwise it is
  ///   a copy, and can be told from the original.
  func put(_ image: any DiskImage, asSameFile: Bool) throws(StoreError)
}

/// What a disk held at a moment; immutable.
public protocol DiskImage: Sendable {}
