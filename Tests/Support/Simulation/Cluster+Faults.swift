import EventModel
import EventStore
import Replication
import ViewEngine

// What goes wrong, and what else happens between: one of it at a time.

extension Cluster {
  /// One thing happens.
  func happen() {
    guard let node = draw(from: there) else { return }
    switch draw(in: 0..<112) {
    case 105..<107: read(at: drawLevel(), node)
    case 107..<110: changeMembership(node)
    case 110..<112: readOn(fromNowhereAt: node)
    case 0..<40: record(makeRequest())
    case 40..<52: read(draw(in: 0..<consumers.count), at: node, recordsMax: draw(from: [1, 3, 100]) ?? 1)
    case 52..<58: readView(at: node)
    case 58..<60: verify(node)
    case let chance: befall(node, chance - 60)
    }
  }

  /// A fault, out of 45 chances.
  private func befall(_ node: SimulatedNode, _ chance: Int) {
    switch chance {
    case 0..<5 where has(.crashes): kill(node)
    case 5..<9 where has(.crashes): node.life?.dies = WriterStage.allCases[draw(in: 0..<WriterStage.allCases.count)]
    case 9..<16 where has(.networks): cut(node)
    case 16..<22 where has(.networks): healOne(node)
    case 22..<26 where has(.clocks): jump(node)
    case 26..<29 where has(.rot): rot(node)
    case 29..<33 where has(.copies): backUp(node)
    case 33..<35 where has(.copies): restore(node, asSameFile: false)
    case 35..<36 where has(.copies): clone(node, asSameFile: false)
    case 36..<37 where has(.removals): remove(node)
    case 37..<39 where has(.forks): restore(node, asSameFile: true)
    case 39..<43 where has(.forks): setBackSoon(node)
    case 43..<45 where has(.forks): clone(node, asSameFile: true)
    default: break
    }
  }

  private func has(_ fault: SimulationOptions.Fault) -> Bool { options.faults.contains(fault) }

  private func verify(_ node: SimulatedNode) {
    guard let life = node.life, !life.isOver, hasNoRot else { return }
    do throws(StoreError) {
      let faults = try life.set.verify().faults + life.engine.verify().faults
      require(faults.isEmpty, "n\(node.index) does not verify: \(faults)")
    } catch {
      note("n\(node.index) can't be verified: \(error)")
    }
  }

  private func cut(_ node: SimulatedNode) {
    guard let other = draw(from: there), other !== node else { return }
    note("n\(node.index) and n\(other.index) are cut off from each other")
    network.cut(node.index, other.index)
  }

  private func healOne(_ node: SimulatedNode) {
    guard let other = draw(from: there), other !== node else { return }
    network.heal(node.index, other.index)
  }

  private func jump(_ node: SimulatedNode) {
    let far = Int64([20, 5000, 600_000][draw(in: 0..<3)])
    node.wallOffsetMilliseconds = Int64(draw(in: 0..<Int(2 * far))) - far
    note("n\(node.index)'s wall clock is wrong by \(node.wallOffsetMilliseconds) ms")
  }

  // MARK: disks

  var hasNoRot: Bool { there.allSatisfy { records(of: $0).allSatisfy(\.isIntact) } }

  /// A bit of a record flips that another disk holds too: a record that nobody has any more can't be mended.
  private func rot(_ node: SimulatedNode) {
    guard let other = draw(from: there), other !== node, !removedForEver.contains(other.id) else { return }
    let others = Dictionary(records(of: other).filter(\.isIntact).map { ($0.dot, $0.chain) }) { first, _ in first }
    let common = records(of: node).filter { $0.isIntact && others[$0.dot] == $0.chain }.map(\.dot)
    let own = node.life?.set.state.own
    let isOwn = draw(in: 0..<2) == 0
    guard let dot = draw(from: common.filter { !isOwn || $0.origin == own }) else { return }
    let before = elements(of: node)
    defer { lose(node, before.subtracting(elements(of: node))) }
    rotted.insert(dot)
    note("n\(node.index)'s record \(dot.n) of \(dot.origin) rots")
    do throws(StoreError) {
      try store(of: node).write(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
        guard let held = try writer.get(.log, StoreKey.dot(dot).raw) else { return }
        var bytes = [UInt8](copying: held)
        bytes[draw(in: 0..<bytes.count)] ^= 1 << UInt8(draw(in: 0..<8))
        try writer.put(.log, StoreKey.dot(dot).raw, bytes.raw)
      }
    } catch {
      fail("n\(node.index)'s disk can't be written: \(error)")
    }
    if isOwn { recordBehindDamage(node) }
  }

  /// A node finds the damage in its own log, and is asked to record at once: that must not go on in front of the damage.
  private func recordBehindDamage(_ node: SimulatedNode) {
    _ = try? node.life?.set.feed(after: Clock(), recordsMax: .max) { (_, _) throws(StoreError) in true }
    record(makeRequest(), at: node)
  }

  private func backUp(_ node: SimulatedNode) {
    do throws(StoreError) {
      backups.append(Backup(node: node.index, image: try node.disk.image()))
      note("n\(node.index) is backed up")
    } catch {
      fail("n\(node.index) can't be backed up: \(error)")
    }
  }

  /// Puts an old backup of a node in its place.
  private func restore(_ node: SimulatedNode, asSameFile: Bool) {
    if let backup = draw(from: backups.filter { $0.node == node.index }) { restore(node, backup, asSameFile: asSameFile) }
  }

  private func restore(_ node: SimulatedNode, _ backup: Backup, asSameFile: Bool) {
    guard hasNoRot else { return }
    note("n\(node.index) is set back\(asSameFile ? " in place" : "")")
    node.isSetInPlace = asSameFile || node.isSetInPlace
    destroying(node) { () throws(StoreError) in try node.disk.put(backup.image, asSameFile: asSameFile) }
    if asSameFile, draw(in: 0..<2) == 0 { goOnAtOnce(node) }
  }

  /// A node that was set back in place records before it has heard of anybody, and is read from: under the numbers that it gives anew the
  /// others may have other records of its log.
  private func goOnAtOnce(_ node: SimulatedNode) {
    start(node)
    for _ in 0..<3 { record(makeRequest(), at: node, triesLeft: 0) }
    schedule.after(microseconds: Int64(draw(in: 1000..<20_000))) { [self] in
      if mayFail { read(at: .all, node) }
    }
  }

  /// A node's disk loses, in place, what it takes in from now on: what was sent on meanwhile is elsewhere.
  private func setBackSoon(_ node: SimulatedNode) {
    backUp(node)
    guard let backup = backups.last else { return }
    schedule.after(microseconds: Int64(draw(in: 20_000..<600_000))) { [self] in
      if mayFail, !node.isGone { restore(node, backup, asSameFile: true) }
    }
  }

  /// Runs what may take elements away from a node's disk, while its process is dead, and notes those that nobody else has.
  private func destroying(_ node: SimulatedNode, _ change: () throws(StoreError) -> Void) {
    kill(node)
    let before = elements(of: node)
    do throws(StoreError) { try change() } catch { return fail("n\(node.index)'s disk can't be changed: \(error)") }
    var kept = node.isGone ? [] : elements(of: node)
    lose(node, before.subtracting(kept))
    for other in there where other !== node { kept.formUnion(elements(of: other)) }
    ledger.destroy(before.subtracting(kept))
  }

  /// A node's disk has lost elements: of what it says from here on, it has them no more.
  private func lose(_ node: SimulatedNode, _ ids: Set<ElementID>) {
    node.lost.formUnion(ids)
    let whole = node.isGone ? [] : servedElements(of: node)
    for read in reads.keys { reads[read]?[node.id]?.formIntersection(whole) }
  }

  /// Another node starts from a copy of this one's disk.
  private func clone(_ node: SimulatedNode, asSameFile: Bool) {
    guard there.count < options.nodesMax else { return }
    let image: any DiskImage
    do throws(StoreError) {
      image = try node.disk.image()
      let disk = options.disk(UInt64(nodes.count))
      try disk.put(image, asSameFile: asSameFile)
      let copy = addNode(disk)
      copy.isSetInPlace = asSameFile
      copy.pullsFrom = [node.index]
      copy.pushesTo = draw(in: 0..<2) == 0 ? [node.index] : []
      note("n\(copy.index) is a copy of n\(node.index)\(asSameFile ? ", and nothing can tell" : "")")
      start(copy)
    } catch {
      fail("n\(node.index) can't be copied: \(error)")
    }
  }

  /// A node's disk is destroyed.
  private func remove(_ node: SimulatedNode) {
    guard there.count > 2, hasNoRot else { return }
    note("n\(node.index) is destroyed")
    destroying(node) { () throws(StoreError) in node.isGone = true }
  }
}
