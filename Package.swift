// swift-tools-version: 6.2
import PackageDescription

/// The same rules in every target: strict memory safety, all warnings are errors.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
  .enableExperimentalFeature("SuppressedAssociatedTypes"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "laterbase",
  platforms: [.macOS("26.0")],
  products: [
    .library(name: "EventModel", targets: ["EventModel"]),
    .library(name: "EventStore", targets: ["EventStore"]),
    .library(name: "ViewKit", targets: ["ViewKit"]),
    .library(name: "StoreConformance", targets: ["StoreConformance"]),
    .library(name: "ViewLaws", targets: ["ViewLaws"]),
    .library(name: "Simulation", targets: ["Simulation"]),
    .executable(name: "laterbase-simulate", targets: ["SimulateExecutable"]),
    .library(name: "LMDBStore", targets: ["LMDBStore"]),
    .library(name: "Replication", targets: ["Replication"]),
    .library(name: "Views", targets: ["Views"]),
    .library(name: "Laterbase", targets: ["Laterbase"]),
    .library(name: "HTTPService", targets: ["HTTPService"]),
    .library(name: "LaterbaseCommands", targets: ["LaterbaseCommands"]),
    .executable(name: "laterbase", targets: ["LaterbaseExecutable"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", exact: "2.28.1", traits: []),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0", traits: []),
    .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.2", traits: []),
  ],
  targets: [
    .target(name: "CChecksum"),
    .target(
      name: "EventModel",
      dependencies: ["CChecksum", .product(name: "Crypto", package: "swift-crypto")],
      swiftSettings: strict),
    .target(name: "EventStore", dependencies: ["EventModel"], swiftSettings: strict),
    .target(name: "ViewKit", dependencies: ["EventModel"], swiftSettings: strict),
    .target(
      name: "StoreConformance", dependencies: ["EventStore", "EventModel"], path: "Tests/Support/StoreConformance", swiftSettings: strict),
    .testTarget(name: "EventStoreTests", dependencies: ["EventStore", "EventModel", "StoreConformance"], swiftSettings: strict),
    .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"]), .brew(["lmdb"])]),
    .target(name: "LMDBStore", dependencies: ["CLMDB", "EventModel", "EventStore"], swiftSettings: strict),
    .target(name: "Replication", dependencies: ["EventModel", "EventStore", "ViewKit"], swiftSettings: strict),
    .testTarget(
      name: "ReplicationTests", dependencies: ["Replication", "EventModel", "EventStore", "StoreConformance", "ViewKit", "ViewLaws"],
      swiftSettings: strict),
    .target(name: "ViewEngine", dependencies: ["EventModel", "EventStore", "ViewKit"], swiftSettings: strict),
    .target(
      name: "ViewLaws", dependencies: ["ViewEngine", "ViewKit", "EventStore", "EventModel", "StoreConformance"],
      path: "Tests/Support/ViewLaws", swiftSettings: strict),
    .testTarget(
      name: "ViewEngineTests",
      dependencies: ["ViewEngine", "ViewKit", "EventStore", "EventModel", "LMDBStore", "StoreConformance", "ViewLaws"],
      swiftSettings: strict),
    .target(
      name: "Simulation",
      dependencies: ["Laterbase", "Replication", "ViewEngine", "ViewKit", "EventStore", "EventModel", "StoreConformance", "ViewLaws"],
      path: "Tests/Support/Simulation", swiftSettings: strict),
    .executableTarget(
      name: "SimulateExecutable", dependencies: ["Simulation", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Tests/Support/SimulateExecutable", swiftSettings: strict),
    .testTarget(
      name: "SimulationTests",
      dependencies: [
        "EventModel", "EventStore", "Simulation", "SimulateExecutable", "StoreConformance",
        .product(name: "Subprocess", package: "swift-subprocess"), .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),
    .target(name: "Views", dependencies: ["ViewKit", "EventModel"], path: "Views", swiftSettings: strict),
    .testTarget(name: "ViewsTests", dependencies: ["Views", "ViewKit", "EventModel", "ViewLaws"], swiftSettings: strict),
    .testTarget(
      name: "ViewKitTests", dependencies: ["Laterbase", "ViewKit", "EventModel", "StoreConformance", "ViewLaws"], swiftSettings: strict),
    .target(
      name: "Laterbase", dependencies: ["EventModel", "EventStore", "LMDBStore", "Replication", "ViewEngine", "ViewKit"],
      swiftSettings: strict),
    .testTarget(
      name: "LaterbaseTests",
      dependencies: [
        "Laterbase", "EventModel", "EventStore", "LMDBStore", "Replication", "StoreConformance", "ViewEngine", "ViewKit",
      ],
      swiftSettings: strict),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .target(
      name: "HTTPService",
      dependencies: [
        "CZlib", "EventModel", "EventStore", "Laterbase", "Replication", "ViewEngine", "ViewKit",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTPCompression", package: "swift-nio-extras"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "HTTPServiceTests",
      dependencies: [
        "EventModel", "EventStore", "HTTPService", "Laterbase", "Replication", "StoreConformance", "ViewEngine", "ViewKit",
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdTesting", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: strict),
    .target(
      name: "LaterbaseCommands",
      dependencies: [
        "EventModel", "EventStore", "LMDBStore", "Replication", "ViewKit", "ViewEngine", "Laterbase", "HTTPService", "Views",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "Yams", package: "Yams"),
      ],
      resources: [.embedInCode("Demo/epcis")],
      swiftSettings: strict),
    .executableTarget(name: "LaterbaseExecutable", dependencies: ["LaterbaseCommands", "ViewKit", "Views"], swiftSettings: strict),
    .testTarget(
      name: "LaterbaseCommandsTests",
      dependencies: [
        "EventModel", "Laterbase", "LaterbaseCommands", "Replication", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "ToldExecutable", dependencies: ["EventModel", "LaterbaseCommands", "ViewKit"], path: "Tests/Support/ToldExecutable",
      swiftSettings: strict),
    .testTarget(
      name: "EndToEndTests",
      dependencies: [
        "EventModel", "LaterbaseExecutable", "StoreConformance", "ToldExecutable",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"), .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),
    .testTarget(name: "EventModelTests", dependencies: ["EventModel", "StoreConformance"], swiftSettings: strict),
    .testTarget(
      name: "LMDBStoreTests", dependencies: ["EventModel", "EventStore", "LMDBStore", "StoreConformance"], swiftSettings: strict),
  ]
)
