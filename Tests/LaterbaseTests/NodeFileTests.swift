import EventModel
import EventStore
import Foundation
import Testing

@testable import Laterbase

@Suite struct `What a node keeps in mind` {
  @Test func `is there after a restart; a copy of its folder is another node, and knows nobody`() throws {
    let folder = TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    let file = try NodeFile(folder: folder.path, .still(seed: 1))
    #expect(file.isNew && file.kept == NodeFile.Kept())
    try file.write()
    var kept = NodeFile.Kept()
    (kept.notHeld, kept.joined) = (["b", "a"], ["http://b", "http://a"])
    for n in 1...3 as ClosedRange<UInt64> {
      let place = DamageWatch.Place(database: "things", dot: Dot(origin: Origin(value: 7), n: n))
      kept.damage[place] = Instant.noon.adding(milliseconds: Int64(n))
    }
    try file.change { $0 = kept }
    let again = try NodeFile(folder: folder.path, .still(seed: 2))
    #expect(!again.isNew && again.id == file.id && again.kept == kept)
    try FileManager.default.createDirectory(atPath: folder.path + "/copy", withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: folder.path + "/node.json", toPath: folder.path + "/copy/node.json")
    let copy = try NodeFile(folder: folder.path + "/copy", .still(seed: 3))
    #expect(copy.isNew && copy.id != file.id && copy.kept.joined.isEmpty && copy.kept.notHeld == kept.notHeld)
    let odd = Data(#"{"damage":[{"database":"x"},7],"joined":{},"not_held":[1]}"#.utf8)
    try odd.write(to: URL(fileURLWithPath: folder.path + "/node.json"))
    #expect(try NodeFile(folder: folder.path, .still(seed: 4)).kept == NodeFile.Kept())
  }
}
