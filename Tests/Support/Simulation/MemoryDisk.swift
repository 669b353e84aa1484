public import EventStore
import EventModel
import Synchronization

/// A disk in memory: the tables of a `MemoryEventStore`, whose commits are its flushes, under a file that can be copied.
public final class MemoryDisk: SimulatedDisk {
  struct Image: DiskImage {
    let contents: MemoryEventStore.Contents
  }

  private let disk: Mutex<MemoryEventStore.Disk>
  /// Which file was made last: each is another one. The mutex owns it.
  private let files = Mutex<UInt64>(0)
  private let number: UInt64

  /// - Parameter number: tells its files from those of other disks.
  public init(number: UInt64) {
    self.number = number
    disk = Mutex(MemoryEventStore.Disk())
    disk.withLock { $0 = MemoryEventStore.Disk(newFile(MemoryEventStore.Contents())) }
  }

  private func newFile(_ contents: MemoryEventStore.Contents) -> MemoryEventStore.Contents {
    var contents = contents
    contents.place = []
    contents.place.appendBigEndian(number)
    contents.place.appendBigEndian(
      files.withLock { files in
        files += 1
        return files
      })
    return contents
  }

  public func open() -> any EventStore { MemoryEventStore(disk: disk.withLock { $0 }) }

  public func cutPower() {
    // A process that is dead has no hold on what is written from now on.
    disk.withLock { disk in disk = MemoryEventStore.Disk(disk.contents.withLock { $0 }) }
  }

  public func image() -> any DiskImage { Image(contents: disk.withLock { $0.contents.withLock { $0 } }) }

  public func put(_ image: any DiskImage, asSameFile: Bool) throws(StoreError) {
    guard let image = image as? Image else { throw StoreError(.format, "an image of another kind of disk") }
    disk.withLock { $0 = MemoryEventStore.Disk(asSameFile ? image.contents : newFile(image.contents)) }
  }
}
