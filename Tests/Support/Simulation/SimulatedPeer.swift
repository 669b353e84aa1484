import EventModel
import EventStore
import Laterbase
import Replication

/// A node as another one's peer, over the simulated network: the product's own requests and frames, byte by byte, and its own states at
/// both ends.
struct SimulatedPeer: PeerTransport {
  let cluster: Cluster
  /// Who calls.
  let caller: Life
  /// Who is called: whatever process it runs when the call arrives.
  let node: Int

  /// Pages are small, so that a few records make several of them, and several exchanges.
  private static let pageBytes = 600

  var name: String { "n\(node)" }
  private var network: Network { cluster.network }
  private var isLocal: Bool { node == caller.node }

  func databases() -> [String] { [Cluster.database] }

  func join(_ introduction: Introduction) async throws(SyncError) -> Introduction? {
    let life = try await reach()
    let met: Introduction
    do throws(LaterbaseError) { met = try life.members.meet(introduction) } catch { throw SyncError(error) }
    try await network.carry(life, caller)
    return met
  }

  func clock(of database: String) async throws(SyncError) -> PeerClock? {
    let life = try await reach()
    return try await answer(PeerClock(life.set), life)
  }

  func clock(of database: String, atLeast clock: Clock, timeout: Duration) async throws(SyncError) -> PeerClock? {
    let life = try await reach()
    guard await cluster.reaching(life).wait(atLeast: clock, timeout: timeout) else {
      throw SyncError(.failed, "simulated: it doesn't hold all that the clock covers")
    }
    return try await answer(PeerClock(life.set), life)
  }

  func pull(
    _ database: String, _ request: PullRequest, receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) async throws(SyncError) -> PullEnd {
    let life = try await reach()
    let asked = try read(request, life)
    var (outgoing, turn) = try begin(asked, life)
    defer { withExtendedLifetime(turn) {} }
    await waitForNews(outgoing, asked.wait, life)
    var reader = FrameReader(held: request.held, bytesMax: 1 << 20)
    var bytesLeft = min(asked.bytesMax, cluster.draw(in: 200..<4000))
    while bytesLeft > 0, let page = try next(&outgoing, life) {
      bytesLeft -= page.bytes.count
      var frames: [UInt8] = []
      Frame.write(network.spoil(page), to: &frames)
      network.alter(&frames)
      try await bring(frames, life, &reader, receive)
    }
    let end = PullEnd(PeerClock(life.set), forks: outgoing.forks)
    cluster.witness(end.peer, at: life)
    life.holders.tell(end.peer.clock, to: asked.node, at: asked.asksForNothing ? .push : .pull)
    var frames: [UInt8] = []
    Frame.write(end, since: asked.held, to: &frames)
    try await bring(frames, life, &reader, receive)
    if !reader.page.entries.isEmpty { try await receive(reader.takePage()) }
    guard var end = reader.end, reader.isBetweenFrames else { throw Network.broken }
    end.peer.node = cluster.nodes[node].id
    return end
  }

  func push(_ database: String, _ pages: [RecordPage]) async throws(SyncError) -> PeerClock {
    try await push(database, pages, from: .nobody)
  }

  func push(_ database: String, _ pages: [RecordPage], from sender: Sender) async throws(SyncError) -> PeerClock {
    if isLocal {
      for page in pages { try await merge(page, try local()) }
      return PeerClock(try local().set)
    }
    var frames: [UInt8] = []
    for page in pages { Frame.write(page, to: &frames) }
    network.alter(&frames)
    if cluster.mayFail, cluster.draw(in: 0..<12) == 0 { comeAgain(frames) }
    let life = try await reach()
    try await take(frames, life)
    return try await tell(PullEnd(PeerClock(life.set)), sender, life)
  }

  /// A push's answer: what differs from the sender's base, or all if that was forgotten with the process before.
  private func tell(_ end: PullEnd, _ sender: Sender, _ life: Life) async throws(SyncError) -> PeerClock {
    if sender.node.value == 0 { return try await answer(end.peer, life) }
    cluster.witness(end.peer, at: life)
    let base = life.holders.base(sender.base.baseDigest, toldTo: sender.node)
    life.holders.tell(end.peer.clock, to: sender.node, at: .push)
    var frames: [UInt8] = []
    Frame.write(end, since: base ?? Clock(), to: &frames)
    var reader = FrameReader(held: base == nil ? Clock() : sender.base, bytesMax: 1 << 20)
    try await bring(frames, life, &reader) { (_) throws(SyncError) in }
    guard let peer = reader.end?.peer, reader.isBetweenFrames else { throw Network.broken }
    return peer
  }

  /// The process that a call reaches.
  private func reach() async throws(SyncError) -> Life {
    if isLocal { return try local() }
    guard let life = cluster.nodes[node].life else {
      await cluster.schedule.sleep(microseconds: 1000)
      throw Network.broken
    }
    try await network.carry(caller, life)
    return life
  }

  private func local() throws(SyncError) -> Life {
    if caller.isOver { throw SyncError(.cancelled, "simulated: the process died") }
    return caller
  }

  // MARK: at the called node

  /// Takes a look at what a puller holds, and remembers that it said so.
  private func begin(_ request: PullRequest, _ life: Life) throws(SyncError) -> (Outgoing, Holders.Turn?) {
    do throws(LaterbaseError) { try life.members.admit(request.node, of: request.cluster) } catch { throw SyncError(error) }
    let state = life.set.state
    let outgoing = try synced { () throws(StoreError) in try Outgoing(request, from: life.set) }
    let this = cluster.nodes[node]
    guard request.node.value != 0, request.node != this.id else { return (outgoing, nil) }
    cluster.checkListening(to: request.node, life)
    life.holders.note(request.node, request.held, without: outgoing.others, at: cluster.wall(this), beside: state)
    cluster.checkWord(of: request.node, request.held, life)
    return (outgoing, request.wait > .zero ? life.holders.beginPull(request.node) : nil)
  }

  /// The request as it arrives: by a base that was forgotten with the process before it comes once more, whole.
  private func read(_ request: PullRequest, _ life: Life) throws(SyncError) -> PullRequest {
    do throws(PullRequest.Fault) {
      return try PullRequest(reading: request.bytes.raw) { life.holders.base($1, toldTo: $0) }
    } catch {
      guard error == .unknownBase, !request.base.isEmpty else { throw SyncError(.malformed, "simulated: the request can't be read") }
      var whole = request
      whole.base = Clock()
      return try read(whole, life)
    }
  }

  private func waitForNews(_ outgoing: Outgoing, _ wait: Duration, _ life: Life) async {
    guard wait > .zero, !outgoing.isThere(in: life.set), !life.isOver else { return }
    let seen = life.set.changes.version
    let waiting = Task(executorPreference: cluster.schedule) { await life.set.changes.wait(after: seen) }
    cluster.schedule.after(microseconds: Int64(wait / .microseconds(1))) { waiting.cancel() }
    await waiting.value
  }

  private func next(_ outgoing: inout Outgoing, _ life: Life) throws(SyncError) -> RecordPage? {
    try synced { () throws(StoreError) in try outgoing.nextPage(of: life.set, bytesMax: Self.pageBytes) }
  }

  /// Takes a push's body, page by page while it comes: what came before it broke off stays.
  private func take(_ frames: [UInt8], _ life: Life) async throws(SyncError) {
    var reader = FrameReader(bytesMax: 1 << 20)
    for piece in network.pieces(frames) {
      try await network.carry(caller, life)
      try reader.take(piece.raw)
      if reader.page.bytes.count >= Self.pageBytes { try await merge(reader.takePushedPage(), life) }
    }
    guard reader.isBetweenFrames, reader.end == nil else { throw SyncError(.malformed, "simulated: the body has no end") }
    if !reader.page.entries.isEmpty { try await merge(reader.takePushedPage(), life) }
  }

  private func merge(_ page: RecordPage, _ life: Life) async throws(SyncError) {
    let verified = try synced { () throws(StoreError) in try VerifiedPage(page) }
    for cut in try synced({ () throws(StoreError) in try life.set.lostForks(by: verified) }) { try await make(cut, life) }
    guard let merged = await life.answer({ life.set.merge(verified, done: $0) }) else { throw Network.broken }
    let result = try synced { () throws(StoreError) in try merged.get() }
    cluster.note("n\(life.node) merged \(page.entries.count) records, \(result.records) new")
    cluster.witness(PeerClock(life.set), at: life)
    cluster.checkStored(page.entries.map(\.dot), life)
  }

  /// Cuts a log that has lost a fork, in as many transactions as that takes: the process may die between any two.
  private func make(_ cut: LogCut, _ life: Life) async throws(SyncError) {
    var isDone = false
    life.cutsUnderWay += 1
    defer { life.cutsUnderWay -= 1 }
    while !isDone {
      guard let made = await life.answer({ life.set.cut(cut, done: $0) }) else { throw Network.broken }
      let step = try synced { () throws(StoreError) in try made.get() }
      let outcome = step.outcome
      cluster.note("n\(life.node) cuts \(cut.origin) after \(cut.n): \(outcome.records) records, \(outcome.appended) recorded anew")
      cluster.forksRepaired += step.isDone ? 1 : 0
      cluster.witness(PeerClock(life.set), at: life)
      isDone = step.isDone
    }
  }

  /// What was sent arrives a second time, when nobody waits for it any more.
  private func comeAgain(_ frames: [UInt8]) {
    let epoch = network.epoch
    let delay = Int64(cluster.draw(in: 1000..<2_000_000))
    cluster.schedule.start {
      await cluster.schedule.sleep(microseconds: delay)
      guard network.epoch == epoch, let life = cluster.nodes[node].life else { return }
      cluster.note("a push to n\(node) comes again")
      let again = SimulatedPeer(cluster: cluster, caller: life, node: node)
      try? await again.take(frames, life)
    }
  }

  // MARK: on the way back

  private func answer(_ clock: PeerClock, _ life: Life) async throws(SyncError) -> PeerClock {
    cluster.witness(clock, at: life)
    try await network.carry(life, caller)
    guard let read = Clock(token: clock.clock.token) else { throw SyncError(.malformed, "simulated: the clock can't be read") }
    return PeerClock(read, audit: clock.audit, node: cluster.nodes[node].id)
  }

  private func bring(
    _ frames: [UInt8], _ life: Life, _ reader: inout FrameReader, _ receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) async throws(SyncError) {
    for piece in network.pieces(frames) {
      try await network.carry(life, caller)
      try reader.take(piece.raw)
      if reader.page.bytes.count >= Self.pageBytes { try await receive(reader.takePage()) }
    }
  }

  private func synced<R>(_ body: () throws(StoreError) -> R) throws(SyncError) -> R {
    do throws(StoreError) { return try body() } catch {
      throw SyncError(error.code == .refused ? .refused : .failed, error.message)
    }
  }
}
