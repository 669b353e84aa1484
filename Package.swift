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
    .library(name: "LMDBStore", targets: ["LMDBStore"]),
    .library(name: "Views", targets: ["Views"]),
    .library(name: "Laterbase", targets: ["Laterbase"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
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
    .target(name: "ViewEngine", dependencies: ["EventModel", "EventStore", "ViewKit"], swiftSettings: strict),
    .testTarget(
      name: "ViewEngineTests", dependencies: ["ViewEngine", "ViewKit", "EventStore", "EventModel", "LMDBStore", "StoreConformance"],
      swiftSettings: strict),
    .target(name: "Views", dependencies: ["ViewKit", "EventModel"], path: "Views", swiftSettings: strict),
    .testTarget(name: "ViewsTests", dependencies: ["Views", "ViewKit", "EventModel"], swiftSettings: strict),
    .testTarget(name: "ViewKitTests", dependencies: ["ViewKit", "EventModel"], swiftSettings: strict),
    .target(name: "Laterbase", dependencies: ["EventModel", "EventStore", "LMDBStore", "ViewEngine", "ViewKit"], swiftSettings: strict),
    .testTarget(
      name: "LaterbaseTests", dependencies: ["Laterbase", "EventModel", "EventStore", "LMDBStore", "ViewKit"], swiftSettings: strict),
    .testTarget(name: "EventModelTests", dependencies: ["EventModel"], swiftSettings: strict),
    .testTarget(
      name: "LMDBStoreTests", dependencies: ["EventModel", "EventStore", "LMDBStore", "StoreConformance"], swiftSettings: strict),
  ]
)
