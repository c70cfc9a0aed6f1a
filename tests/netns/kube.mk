# SPDX-License-Identifier: GPL-2.0-only
#
# kubectlike: the API client by hand, for kube_*.sh. Sanitized as all that is tested; `-plain` is not, for figures.
# chaos-sanitized: the program itself, for kube_submit.sh: what it follows is replaced while it is looked at.

NETNS_TOOLS += $(O)/tests/netns/kubectlike $(O)/tests/netns/kubectlike-plain $(O)/tests/netns/chaos-sanitized
KUBECTLIKE  := tests/netns/tools/kubectlike.c
KUBE_LIBS   := $(foreach d,kube $(DEPS_kube),$(call unit_lib,$(d)))
KUBE_PLAIN  := $(foreach d,kube $(DEPS_kube),$(call lib,$(d)))

$(O)/tests/netns/kubectlike: $(KUBECTLIKE) $(KUBE_LIBS)
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -o $@ $< $(KUBE_LIBS) $(LIBS)

$(O)/tests/netns/kubectlike-plain: $(KUBECTLIKE) $(KUBE_PLAIN)
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MF $@.d -MT $@ -o $@ $< $(KUBE_PLAIN) $(LIBS)

CLI_LIBS := $(foreach d,cli $(DEPS_cli),$(call unit_lib,$(d)))

$(O)/tests/netns/chaos-sanitized: $(CLI_LIBS)
	$(call msg,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $(UNIT_SAN) -o $@ $(CLI_LIBS) $(LIBS)
