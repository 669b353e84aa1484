// swift-tools-version: 6.2
import PackageDescription

/// A server of one's own: databases, event types and views in Swift, the whole command line for free.
let package = Package(
  name: "orders",
  platforms: [.macOS("26.0")],
  dependencies: [
    .package(name: "laterbase", path: "../..")
  ],
  targets: [
    .executableTarget(
      name: "Orders",
      dependencies: [
        .product(name: "LaterbaseCommands", package: "laterbase"), .product(name: "ViewKit", package: "laterbase"),
      ]),
    .testTarget(name: "OrdersTests", dependencies: ["Orders", .product(name: "ViewLaws", package: "laterbase")]),
    // The same store inside an app, without a server.
    .executableTarget(
      name: "Embedded",
      dependencies: [
        .product(name: "EventModel", package: "laterbase"), .product(name: "Laterbase", package: "laterbase"),
        .product(name: "ViewKit", package: "laterbase"),
      ]),
  ]
)
