/** Names of snapshots that Tenantry gives by itself. */

/** The name under which the schema of a version is kept. */
export function snapshotNameOf(versionId: string): string {
  return `version-${versionId}`
}

/** Whether a name is one that {@link snapshotNameOf} gives. */
export function isOfVersion(name: string): boolean {
  return /^version-\d{8}_\d{6}$/.test(name)
}

/** Where a target that has no name of its own is stored: a file, SQL, a database. */
export const TARGET_NAME = 'target'
