import EventModel
import EventStore
import LMDBStore

/// `<data>/node.json`: the node's identity, bound to the data folder as an origin is to its file, so that a copy of the folder is another
/// node; and which databases it doesn't hold though others do.
///
/// `{"born":{"nanoseconds":…,"seconds":…},"inode":…,"node":"<13 characters>","not_held":["<database>",…]}`
struct NodeFile: Sendable {
  let id: Origin
  /// Whether the id is new: the folder has none, or one that was made for another folder.
  let isNew: Bool
  let notHeld: Set<String>
  private let path: String
  private let place: Place

  /// Reads the file, and draws an id where there is none for this folder. Writes nothing.
  init(folder: String, _ world: World) throws(StoreError) {
    path = folder + "/node.json"
    place = Place(try DataFolder.place(folder))
    let stored = try DataFolder.contents(path).flatMap(Self.read)
    notHeld = Set(stored?["not_held"]?.elements?.compactMap(\.string) ?? [])
    if let stored, stored["inode"] == place.inode, stored["born"] == place.born, let id = stored["node"]?.string.flatMap({ Origin($0) }) {
      (self.id, isNew) = (id, false)
    } else {
      (id, isNew) = (Origin(value: world.random()), true)
    }
  }

  /// Puts the file in place; it is on disk when this returns.
  func write(notHeld: Set<String>) throws(StoreError) {
    let file = JSON(members: [
      (name: "born", value: place.born), (name: "inode", value: place.inode), (name: "node", value: JSON(id.description)),
      (name: "not_held", value: JSON(notHeld.sorted().map { JSON($0) })),
    ])
    try DataFolder.replace(path, with: file.bytes + [UInt8(ascii: "\n")])
  }

  private static func read(_ bytes: [UInt8]) -> JSON? {
    do throws(JSONError) {
      return JSON(normalForm: try JSONNormalForm.normalise(bytes.raw) ?? bytes)
    } catch {
      return nil
    }
  }

  private struct Place: Sendable {
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
