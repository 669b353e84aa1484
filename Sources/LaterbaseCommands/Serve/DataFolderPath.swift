import EventStore
import FoundationEssentials
import LMDBStore
import Laterbase

/// A data folder that is not opened: to set aside or to remove, which only its last user may.
struct DataFolderPath {
  /// Without a slash at its end.
  let path: String

  init(_ path: String) { self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path }

  /// Renames it to `<data>.old-<time>`.
  /// - Returns: its new name; nil if there was none.
  func setAside() throws(Failure) -> String? {
    guard try isFree() else { return nil }
    let aside = path + ".old-" + "\(World.system.now())".replacing(":", with: "")
    do { try FileManager.default.moveItem(atPath: path, toPath: aside) } catch { throw .failed("\(path) cannot be set aside: \(error)") }
    return aside
  }

  /// Removes it with all that is in it.
  func remove() throws(Failure) {
    guard try isFree() else { return }
    do { try FileManager.default.removeItem(atPath: path) } catch { throw .failed("\(path) cannot be removed: \(error)") }
  }

  /// Whether it is there; throws if it is in use, or no data folder.
  private func isFree() throws(Failure) -> Bool {
    guard FileManager.default.fileExists(atPath: path) else { return false }
    guard FileManager.default.fileExists(atPath: path + "/db") else { throw .failed("\(path) is no data folder: it has no folder db") }
    do throws(StoreError) { try LMDBEventStoreProvider(folder: path).close() } catch { throw .failed(error.message) }
    return true
  }
}
