public import EventModel
public import EventStore
import LMDBStore
public import Replication
public import ViewKit

/// Where a node keeps its databases.
public enum Storage: Sendable {
  /// In a folder, on LMDB: made if it isn't there. One process at a time.
  case lmdb(folder: String)
  /// Nowhere: for tests, and apps that keep nothing.
  case memory
  /// In a store of one's own.
  case custom(any EventStoreProvider)
}

/// What a node is told beside its databases.
public struct NodeOptions: Sendable {
  public var limits = IntakeLimits()
  /// A record further ahead of the wall clock than this is suspect.
  public var driftMaxMilliseconds: Int64 = 60_000
  /// How long a damaged record waits for a peer that has it before its log is cut.
  public var repairWait = Duration.seconds(86_400)
  /// What proves a database in a process of its own; nil: a check runs in this one, which a damaged file may end, and only where that is asked
  /// for.
  public var check: DatabaseCheck?
  /// Where this node serves, for the message to the next process that wants its folder.
  public var address = ""
  /// Whether peers are pushed to as well: for a node that they can't reach.
  public var pushes = false
  /// Who is in the cluster; nil: whom the membership names.
  public var roster: (any Roster)?
  /// Reaches a member at its address; nil: only `peers` are reached.
  public var connect: (@Sendable (_ address: String) -> any PeerTransport)?
  /// The name of the cluster: nodes that name another are refused.
  public var cluster = PullRequest.standardCluster
  /// What this node counts as in consistency levels; nil: a server if others can reach it, else a device.
  public var role: Member.Role?
  /// The databases that it pulls from others; nil: all. What is made here it holds anyway.
  public var databases: Set<String>?
  /// Whom it asks for what is new, and how often.
  public var polling: any PollingPolicy = RegionalPolling()
  /// How long the minute of `Polling.eachMinute` is.
  package var pollingMinute = Duration.seconds(60)
  /// How long another node may take to answer that this one joins, and how long others may take to hear that it leaves or who was removed.
  package var patience = (joining: Duration.seconds(10), telling: Duration.seconds(5))
  /// Told of what happens between this node and its peers, from any task.
  public var onPeerNews: @Sendable (PeerNews) -> Void = { _ in }
  /// Told when a hook fails, and when it succeeds again, from any task.
  public var onHookNews: @Sendable (HookNews) -> Void = { _ in }

  public init() {}
}

/// A node: databases that record, and answer from what is recorded. Appends and reads work from the first moment, whoever is reachable.
///
///     let node = try LaterbaseNode([shipments], storage: .lmdb(folder: "data"))
///     try await node[shipments].append([.scanned(…)])
///
/// It has no HTTP; `LaterbaseServer` puts that in front of one.
public final class LaterbaseNode: Sendable {
  /// Who this node is: 64 random bits, bound to the data folder.
  public let id: Origin
  /// A label for people; it may repeat.
  public let name: String?
  public let region: String?
  public let options: NodeOptions
  /// The nodes that it pulls from while it runs, whoever is in the cluster: those that it was made with, and those that it was told to join by.
  public var peers: [any PeerTransport] { cluster.configured }
  package let world: World
  package let catalog: Catalog
  /// The databases whose files may not be what was written.
  let doubts: Doubts
  /// The pulls that requests wait for.
  let pulls = PullTurns()
  /// Who is in the cluster, and whom this node hears.
  package let cluster: Cluster
  private let provider: any EventStoreProvider
  /// What it keeps in mind over a restart; nil: it has no folder.
  let file: NodeFile?
  let declared: [String: CompiledDatabase]

  /// Opens the storage. Nothing is written to a database before its first append.
  /// - Throws: `bad-parameter` if two databases have one name, or one or a view has an illegal one; `storage` if another process has the
  ///   folder, or it can't be used.
  public convenience init(
    _ databases: [any DatabaseDeclaration], storage: Storage, name: String? = nil, region: String? = nil,
    peers: [any PeerTransport] = [], options: NodeOptions = NodeOptions()
  ) throws(LaterbaseError) {
    try self.init(databases, storage: storage, name: name, region: region, peers: peers, options: options, world: .system)
  }

  package init(
    _ databases: [any DatabaseDeclaration], storage: Storage, name: String? = nil, region: String? = nil,
    peers: [any PeerTransport] = [], options: NodeOptions, world: World
  ) throws(LaterbaseError) {
    (self.name, self.region, self.options, self.world) = (name, region, options, world)
    declared = try Self.compile(databases)
    let file: NodeFile?
    do throws(StoreError) {
      switch storage {
      case .lmdb(let folder):
        provider = try LMDBEventStoreProvider(folder: folder, address: options.address)
        file = try Self.file(folder, provider, world)
      case .memory: (provider, file) = (MemoryEventStoreProvider(), nil)
      case .custom(let provider): (self.provider, file) = (provider, nil)
      }
    } catch {
      throw LaterbaseError(error)
    }
    self.file = file
    id = file?.id ?? Origin(value: world.random())
    let notHeld = NotHeld(file?.kept.notHeld ?? []) { (names) throws(StoreError) in try file?.change { $0.notHeld = names } }
    let joined = (file?.kept.joined ?? []).compactMap { options.connect?($0) }
    var set = EventSetOptions()
    set.driftMaxMilliseconds = options.driftMaxMilliseconds
    let cluster = Cluster(id: id, name: name, region: region, options: options, peers: peers, joined: joined, world: world)
    self.cluster = cluster
    let doubts = Doubts()
    self.doubts = doubts
    catalog = Catalog(
      provider: provider, world: world, options: set, declared: declared, notHeld: notHeld,
      damage: Self.damagePolicy(cluster, options, doubts))
    if let fault = cluster.introduction.fault { throw LaterbaseError(.badParameter, fault) }
  }

  /// Who the node of a data folder is, and what it keeps in mind.
  ///
  /// A folder whose id is drawn anew, a copy for one, must not talk with those that the original knows. So it forgets who they are; a peer
  /// that accepts it tells it again who is in the cluster.
  private static func file(_ folder: String, _ provider: any EventStoreProvider, _ world: World) throws(StoreError) -> NodeFile {
    let file = try NodeFile(folder: folder, world)
    if file.isNew {
      try provider.remove(NodesDatabase.name)
      try file.write()
    }
    return file
  }

  /// What is damaged beyond records is set aside where others are, from whom it is pulled again.
  private static func damagePolicy(_ cluster: Cluster, _ options: NodeOptions, _ doubts: Doubts) -> DamagePolicy {
    DamagePolicy(
      isRefilled: { name in
        // Without the membership only those are known whom the configuration names.
        if name == NodesDatabase.name { return !cluster.configured.isEmpty }
        return cluster.hasOthers && options.databases?.contains(name) != false
      },
      onSetAside: { name, path, error in
        let what = "\(error.message); what was here is in \(path) now, and the database is pulled again from the others"
        options.onPeerNews(PeerNews(kind: .setAside, peer: cluster.me.name, database: name, message: what))
      },
      onDoubt: { doubts.add($0, $1) })
  }

  private static func compile(_ databases: [any DatabaseDeclaration]) throws(LaterbaseError) -> [String: CompiledDatabase] {
    var declared: [String: CompiledDatabase] = [:]
    do throws(DeclarationError) {
      declared[NodesDatabase.name] = try CompiledDatabase(NodesDatabase.declaration)
    } catch {
      throw LaterbaseError(.badParameter, error.description)
    }
    for database in databases {
      guard DatabaseName.isLegal(database.name) else {
        throw LaterbaseError(
          .badParameter, "\(database.name) can't be a database's name: [a-z][a-z0-9_-]{0,63}, and none of the service's own")
      }
      guard declared[database.name] == nil else { throw LaterbaseError(.badParameter, "two databases are named \(database.name)") }
      do throws(DeclarationError) {
        declared[database.name] = try CompiledDatabase(database)
      } catch {
        throw LaterbaseError(.badParameter, error.description)
      }
    }
    return declared
  }

  /// This node as a member.
  package var member: Member { cluster.me }

  /// The members that hold a database, this node among them, by rising id.
  package func members(holding database: String) -> [Member] {
    let members = (options.roster ?? cluster).members(holding: database)
    if members.contains(where: { $0.id == id }) { return members }
    return (members + [member]).sorted { $0.id < $1.id }
  }

  /// The databases that were declared, by name.
  package func declaration(_ name: String) -> CompiledDatabase? { declared[name] }

  /// A database with its type of events.
  public subscript<Event>(_ database: Database<Event>) -> OpenDatabase<Event> {
    OpenDatabase(node: self, name: database.name, compiled: declared[database.name] ?? (try? CompiledDatabase(database)))
  }

  /// Joins its peers' cluster, and follows them and the members that they know until it is cancelled: pulls what they hold and this node
  /// lacks, for ever, whatever fails; tells the hooks what was committed; cuts damaged logs that nobody has mended in time; and has databases
  /// checked that are in doubt. Appends and reads work without it.
  public func run() async throws {
    await withTaskGroup { group in
      group.addTask { await self.tendMembership() }
      group.addTask { await self.followPeers() }
      group.addTask { await self.runHooks() }
      group.addTask { await self.watchDamage() }
      group.addTask { await self.watchDoubts() }
      group.addTask { await self.last() }
    }
    while !Task.isCancelled { try await Task.sleep(for: .seconds(3600)) }
  }

  /// A process that has lasted so long is in no circle of crashes and restarts.
  private static let lasts = Duration.seconds(3600)

  private func last() async {
    do { try await Task.sleep(for: Self.lasts) } catch { return }
    try? (provider as? LMDBEventStoreProvider)?.forgetUncleanEnds()
  }

  /// Says where this node serves, once that is known, to the next process that wants its folder.
  package func setAddress(_ address: String) throws(LaterbaseError) {
    do throws(StoreError) { try (provider as? LMDBEventStoreProvider)?.setAddress(address) } catch { throw LaterbaseError(error) }
  }

  /// Commits what is queued and lets go of the storage. Later requests fail with `not-ready`. Blocks until the disk has it all.
  public func close() {
    catalog.close()
    (provider as? LMDBEventStoreProvider)?.close()
  }

  deinit { close() }

  /// An intake for one request to a database.
  /// - Parameter request: the request's name, if it has one.
  package func intake(_ declared: CompiledDatabase?, request: ULID? = nil, onTaken: Draft.OnTaken = .refuse) -> Intake {
    Intake(world: world, limits: options.limits, declared: declared, request: request, onTaken: onTaken)
  }
}
