import EventModel
import EventStore
import Replication

/// The wires between nodes: slow, lossy, cut and healed. In a stream order is kept; a stream may break anywhere, and what was sent over it
/// may arrive once more, much later.
final class Network {
  private unowned let cluster: Cluster
  private var cuts: Set<Set<Int>> = []
  /// Rises when all that is under way is lost.
  private(set) var epoch = 0

  init(_ cluster: Cluster) { self.cluster = cluster }

  func cut(_ a: Int, _ b: Int) { cuts.insert([a, b]) }
  func heal(_ a: Int, _ b: Int) { cuts.remove([a, b]) }
  private func isCut(_ a: Int, _ b: Int) -> Bool { cuts.contains([a, b]) }

  /// All wires are whole from here on, and whatever is under way is lost.
  func healAll() {
    cuts = []
    epoch += 1
  }

  /// Carries something from one process to another; returns when it has arrived.
  /// - Throws: `unreachable`: it got lost, or one of the two died meanwhile.
  func carry(_ from: Life, _ to: Life) async throws(SyncError) {
    if from === to, !from.isOver { return }
    let before = epoch
    // Mostly at once, sometimes slowly, seldom so slowly that much else has happened meanwhile.
    let slow = cluster.draw(in: 0..<40)
    if slow < 10 {
      await cluster.schedule.sleep(microseconds: Int64(slow == 0 ? cluster.draw(in: 0..<900_000) : cluster.draw(in: 50..<5000)))
    }
    let isLost = cluster.mayFail && cluster.draw(in: 0..<60) == 0
    if isLost || isCut(from.node, to.node) || epoch != before || from.isOver || to.isOver { throw Self.broken }
  }

  static var broken: SyncError { SyncError(.unreachable, "simulated: the connection broke") }

  /// Bytes as they arrive: cut anywhere.
  func pieces(_ bytes: [UInt8]) -> [[UInt8]] {
    guard bytes.count > 1, cluster.draw(in: 0..<3) == 0 else { return [bytes] }
    let places = (0..<cluster.draw(in: 1..<4)).map { _ in cluster.draw(in: 0..<bytes.count) }.sorted()
    return zip([0] + places, places + [bytes.count]).map { Array(bytes[$0..<$1]) }.filter { !$0.isEmpty }
  }

  /// Makes a page what a node sends whose memory is bad, seldom: a record altered before its checksum was made, or in what the chain doesn't
  /// say; a log with a hole.
  func spoil(_ page: RecordPage) -> RecordPage {
    guard cluster.mayFail, cluster.draw(in: 0..<40) == 0, let entry = cluster.draw(from: page.entries) else { return page }
    let way = cluster.draw(in: 0..<4)
    cluster.note("a page is sent with the record \(entry.dot.n) of \(entry.dot.origin) \(way == 0 ? "left out" : "altered")")
    var spoilt = RecordPage()
    spoilt.forks = page.forks
    for other in page.entries {
      let record = page.bytes.raw.extracting(other.range)
      if other.dot != entry.dot {
        spoilt.add(other.dot, record)
      } else if way > 0 {
        spoilt.add(other.dot, altered(record, other.dot, way).raw)
      }
    }
    return spoilt
  }

  private func altered(_ record: RawSpan, _ dot: Dot, _ way: Int) -> [UInt8] {
    var bytes = [UInt8](copying: record)
    guard way > 1, var header = Record.Header(reading: record) else {
      bytes[Record.Offset.crc + cluster.draw(in: 0..<4)] ^= 1 << UInt8(cluster.draw(in: 0..<8))
      return bytes
    }
    if way == 2 { header.salt ^= 1 } else { header.ulid = ULID(value: header.ulid.value ^ 1) }
    let body = record.extracting(droppingFirst: Record.headerBytes)
    bytes.removeAll()
    Record.write(headerOf: header, body: body, at: dot, to: &bytes)
    bytes.append(copying: body)
    return bytes
  }

  /// Flips a bit, seldom: a record that was altered on the way must be found.
  func alter(_ bytes: inout [UInt8]) {
    guard cluster.mayFail, !bytes.isEmpty, cluster.draw(in: 0..<60) == 0 else { return }
    bytes[cluster.draw(in: 0..<bytes.count)] ^= 1 << UInt8(cluster.draw(in: 0..<8))
    cluster.note("a bit flips on the wire")
  }
}
