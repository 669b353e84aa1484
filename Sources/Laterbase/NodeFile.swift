import EventModel
import EventStore
import LMDBStore

/// `<data>/node.json`: the node's identity, bound to the data folder as an origin is to its file, so that a copy of the folder is another node.
///
/// `{"born":{"nanoseconds":…,"seconds":…},"inode":…,"node":"<13 characters>","not_held":[]}`
enum NodeFile {
  /// The node's id: the one that the folder has, or a new one if it has none, or was made for another folder.
  static func identity(in folder: String, _ world: World) throws(StoreError) -> Origin {
    let path = folder + "/node.json"
    let place = Place(try DataFolder.place(folder))
    let stored = try DataFolder.contents(path).flatMap(read)
    if let stored, stored["inode"] == place.inode, stored["born"] == place.born, let id = stored["node"]?.string.flatMap({ Origin($0) }) {
      return id
    }
    let id = Origin(value: world.random())
    let file = JSON(members: [
      (name: "born", value: place.born), (name: "inode", value: place.inode), (name: "node", value: JSON(id.description)),
      (name: "not_held", value: stored?["not_held"] ?? JSON([JSON]())),
    ])
    try DataFolder.replace(path, with: file.bytes + [UInt8(ascii: "\n")])
    return id
  }

  private static func read(_ bytes: [UInt8]) -> JSON? {
    do throws(JSONError) {
      return JSON(normalForm: try JSONNormalForm.normalise(bytes.raw) ?? bytes)
    } catch {
      return nil
    }
  }

  private struct Place {
    let inode: JSON
    let born: JSON

    init(_ bytes: [UInt8]) {
      let raw = bytes.raw
      inode = JSON(raw.bigEndian(at: 0, as: UInt64.self))
      born = JSON(members: [
        (name: "seconds", value: JSON(raw.bigEndian(at: 8, as: Int64.self))),
        (name: "nanoseconds", value: JSON(raw.bigEndian(at: 16, as: UInt32.self))),
      ])
    }
  }
}
