// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
  .enableExperimentalFeature("SuppressedAssociatedTypes"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// Measurements, each with its floor in the same run; a package of its own, so that the plain build stays small.
let package = Package(
  name: "benchmarks",
  platforms: [.macOS("26.0")],
  dependencies: [
    .package(name: "laterbase", path: ".."),
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
  ],
  targets: [
    .executableTarget(
      name: "NormalFormBenchmark", dependencies: [.product(name: "EventModel", package: "laterbase")],
      path: "NormalForm", swiftSettings: strict),
    .target(name: "CLMDBLoops", path: "CLMDBLoops", linkerSettings: [.linkedLibrary("lmdb")]),
    .executableTarget(
      name: "LMDBBenchmark",
      dependencies: [
        "CLMDBLoops", .product(name: "EventModel", package: "laterbase"), .product(name: "EventStore", package: "laterbase"),
        .product(name: "LMDBStore", package: "laterbase"),
      ],
      path: "LMDB", exclude: ["README.md"], swiftSettings: strict),
    .target(name: "CAppendFloor", path: "CAppendFloor", linkerSettings: [.linkedLibrary("lmdb")]),
    .executableTarget(
      name: "StoreBenchmark",
      dependencies: [
        "CAppendFloor", .product(name: "EventModel", package: "laterbase"), .product(name: "EventStore", package: "laterbase"),
        .product(name: "LMDBStore", package: "laterbase"),
      ],
      path: "Store", swiftSettings: strict),
    .executableTarget(
      name: "ViewsBenchmark",
      dependencies: [
        "CLMDBLoops", .product(name: "EventModel", package: "laterbase"), .product(name: "EventStore", package: "laterbase"),
        .product(name: "LMDBStore", package: "laterbase"), .product(name: "Laterbase", package: "laterbase"),
        .product(name: "ViewKit", package: "laterbase"),
      ],
      path: "Views", swiftSettings: strict),
    .executableTarget(
      name: "HTTPBenchmark",
      dependencies: [
        .product(name: "Hummingbird", package: "hummingbird"), .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      path: "HTTP", swiftSettings: strict),
    .executableTarget(
      name: "SyncBenchmark",
      dependencies: [
        .product(name: "EventModel", package: "laterbase"), .product(name: "HTTPService", package: "laterbase"),
        .product(name: "Laterbase", package: "laterbase"), .product(name: "ViewKit", package: "laterbase"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"), .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      path: "Sync", swiftSettings: strict),
  ]
)

// The fuzzer needs a runtime that only some tool chains have, and every module built with its hooks: `LATERBASE_FUZZ=1`, see FuzzJSON/FuzzJSON.swift.
if Context.environment["LATERBASE_FUZZ"] != nil {
  package.products.append(.executable(name: "fuzz-json", targets: ["FuzzJSON"]))
  package.targets.append(
    .executableTarget(
      name: "FuzzJSON", dependencies: [.product(name: "EventModel", package: "laterbase")], path: "FuzzJSON",
      exclude: ["json.dict", "seeds"],
      swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
}
