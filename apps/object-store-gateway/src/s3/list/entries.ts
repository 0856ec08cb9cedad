import type { Page } from '../../domain/listing.js';
import type { ListedObject } from '../../store/objects.js';
import { quoted } from '../object/headers.js';
import { element, text } from '../xml.js';

/** The Contents and CommonPrefixes elements of both object listings. */
export function entriesXml(page: Page<ListedObject>, encode: (name: string) => string, owner?: string): string[] {
  const contents: string[] = [];
  const prefixes: string[] = [];
  for (const entry of page.entries) {
    if ('prefix' in entry) prefixes.push(element('CommonPrefixes', text('Prefix', encode(entry.prefix))));
    else contents.push(objectXml(entry.object, encode, owner));
  }
  return [...contents, ...prefixes];
}

function objectXml(object: ListedObject, encode: (name: string) => string, owner: string | undefined): string {
  return element(
    'Contents',
    text('Key', encode(object.key)),
    text('LastModified', object.modified.toISOString()),
    text('ETag', quoted(object.etag)),
    text('ChecksumAlgorithm', object.checksumAlgorithm),
    text('ChecksumType', object.checksumType),
    text('Size', object.size),
    owner === undefined ? '' : element('Owner', text('ID', owner), text('DisplayName', owner)),
    text('StorageClass', 'STANDARD'),
  );
}
