import { KeysteadError } from '@keystead/errors';
import type * as wire from '@keystead/proto/iam-query';
import { oneOf, pathPrefix } from '../../domain/fields.js';
import { readPage } from '../../domain/paging.js';
import type { Caller } from '../caller.js';
import { theUser } from '../find.js';
import { reads, writes, type Work } from '../operation.js';
import { accountTarget, listTarget } from '../targets.js';
import { ownerOf, ownerTarget } from './access-keys.js';

// Passwords, second factors, SSH keys and certificates are not here, and nothing makes them. Who deletes a user or looks
// through an account asks for them first, Terraform's force_destroy for example, and is told the truth.

interface OfUser {
  readonly userName?: string | undefined;
  readonly marker?: string | undefined;
  readonly maxItems?: number | undefined;
}

const ofUser = {
  check: (request: OfUser, caller: Caller) => {
    readPage(request);
    return ownerOf(request, caller);
  },
  target: ({ name }: { name: string | undefined }, work: Work) => ownerTarget(name, work),
};

/** Throws NoSuchEntity for a user that is not there. */
async function mustExist({ name }: { name: string | undefined }, work: Work): Promise<void> {
  if (name !== undefined) await theUser(work, name);
}

const end = { isTruncated: false, marker: undefined };

export const listMfaDevices = reads('iam:ListMFADevices', {
  ...ofUser,
  run: async (owner, work) => {
    await mustExist(owner, work);
    return { mfaDevices: [], ...end };
  },
});

export const listSshPublicKeys = reads('iam:ListSSHPublicKeys', {
  ...ofUser,
  run: async (owner, work) => {
    await mustExist(owner, work);
    return { sshPublicKeys: [], ...end };
  },
});

export const listSigningCertificates = reads('iam:ListSigningCertificates', {
  ...ofUser,
  run: async (owner, work) => {
    await mustExist(owner, work);
    return { certificates: [], ...end };
  },
});

export const listServiceSpecificCredentials = reads('iam:ListServiceSpecificCredentials', {
  ...ofUser,
  run: async (owner, work) => {
    await mustExist(owner, work);
    return { serviceSpecificCredentials: [], ...end };
  },
});

export const listVirtualMfaDevices = reads('iam:ListVirtualMFADevices', {
  check: (request: wire.ListVirtualMfaDevicesRequest) => {
    oneOf('assignmentStatus', request.assignmentStatus ?? 'Any', ['Assigned', 'Unassigned', 'Any']);
    return readPage(request);
  },
  target: (_, { caller }) => listTarget(caller.account, 'mfa', '/'),
  run: () => Promise.resolve({ virtualMfaDevices: [], ...end }),
});

export const listSamlProviders = reads('iam:ListSAMLProviders', {
  check: (request: wire.ListSamlProvidersRequest) => request,
  target: (_, { caller }) => listTarget(caller.account, 'saml-provider', '/'),
  run: () => Promise.resolve({ samlProviderList: [] }),
});

export const listServerCertificates = reads('iam:ListServerCertificates', {
  check: (request: wire.ListServerCertificatesRequest) => {
    readPage(request);
    return { prefix: pathPrefix(request.pathPrefix) };
  },
  target: ({ prefix }, { caller }) => listTarget(caller.account, 'server-certificate', prefix),
  run: () => Promise.resolve({ serverCertificateMetadataList: [], ...end }),
});

async function noLoginProfile(owner: { name: string | undefined }, work: Work): Promise<never> {
  await mustExist(owner, work);
  throw new KeysteadError('NoSuchEntity', `Login Profile for User ${owner.name ?? 'root'} cannot be found.`);
}

export const getLoginProfile = reads('iam:GetLoginProfile', { ...ofUser, run: noLoginProfile });

export const deleteLoginProfile = writes('iam:DeleteLoginProfile', { ...ofUser, run: noLoginProfile });

export const getAccountPasswordPolicy = reads('iam:GetAccountPasswordPolicy', {
  check: (request: wire.GetAccountPasswordPolicyRequest) => request,
  target: (_, { caller }) => accountTarget(caller.account),
  run: (_, { caller }) => {
    const message = `The Password Policy with domain name ${caller.account} cannot be found.`;
    return Promise.reject(new KeysteadError('NoSuchEntity', message));
  },
});
